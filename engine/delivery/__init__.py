"""From a retouched photo to what a client gets: recipes, names, finishing, layered files, the queue. No Qt."""
