"""What froyo tells and takes over HTTP on a unix socket: views, the backend that they are read from, and the server."""
