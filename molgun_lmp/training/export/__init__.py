"""From a trained model to a model folder: each format written (`formats`) and proven against mace (`parity`)."""
