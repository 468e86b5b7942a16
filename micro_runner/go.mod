module froyo.dev/runner

go 1.26
