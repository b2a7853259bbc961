"""Reports as one HTML page that loads nothing: what it says (`page`, `chart`), and how it is drawn (`html`, `svg`)."""
