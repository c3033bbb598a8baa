//! The ring: one writer, any number of cursors, values read in place.
