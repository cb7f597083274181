"""`molgun distill`: a small model for the steps that a multi-time-step engine takes between those of the full one."""
