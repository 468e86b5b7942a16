"""What keeps going: the queue of targets, their sessions, and what is known of them between rounds."""
