"""Mace's own trainer: told in its words (`mace_options`), run in a process of its own, watched, resumed, recorded."""
