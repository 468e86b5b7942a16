"""The process in which Starlark is evaluated: it is sent files, and answers with what they make.

It has no environment, no clock, opens nothing, and writes nothing but its answers; what it may take of memory and of
the processor is limited before it reads anything.
"""
