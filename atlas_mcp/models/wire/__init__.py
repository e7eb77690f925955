"""HTTP for the endpoints of all vendors: requests out, replies and errors in."""
