"""The report page: its rows, costs, movies and viewer, put into one self-contained HTML file."""
