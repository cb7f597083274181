"""Structures, snapshot pools, initial conditions and decks: everything before the first force call."""
