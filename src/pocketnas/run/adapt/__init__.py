"""The run of `pocketnas adapt`: what NetAdapt needs of images, trainings and devices."""
