"""Dumps in; outcomes, statistics, figures and the report out. Nothing here runs dynamics."""
