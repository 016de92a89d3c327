"""A whole run: images in, a searched, trained and checked `.tflite` with its report out."""
