"""What a tool is put through, and what is measured of it."""
