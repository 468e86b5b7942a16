"""CUE: packages of a source, evaluated by the compiler."""
