"""What a force call and a step cost here, next to what others would use: `molgun bench`."""
