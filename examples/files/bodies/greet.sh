#!/bin/sh
exec cat "$(dirname "$0")/greeting"
