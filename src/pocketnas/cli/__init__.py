"""The command line: one file a verb, libraries loaded only by the verb that needs them."""
