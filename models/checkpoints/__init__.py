"""Files of weights: what is in them, in whose words, and under which wrappings."""
