"""Files of shapes, one format a file: ``read`` gives their features, ``write`` makes them."""
