"""Heavy work in processes of its own: it waits its turn, tells how far it is, stands back while someone drags, survives a restart."""
