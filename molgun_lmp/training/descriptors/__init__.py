"""A model's descriptors: principal components, and how far frames lie from what the model was trained on."""
