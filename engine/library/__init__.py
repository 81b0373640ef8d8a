"""Folders of photos: what is in them, small pictures, stars, labels and flags. No Qt."""
