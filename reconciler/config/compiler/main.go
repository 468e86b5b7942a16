// The compiler: CUE and Rego, which exist as Go libraries only, behind one line of JSON a request.
//
// It reads requests from standard input and answers on standard output, in turn, until the input ends. All that it works
// on is in the request. Before it reads the first one it gives up what it needs no more: it cannot open a file, a socket or
// a program afterwards, whatever CUE or Rego would have it do. It ends when it takes more memory than its argument says, or
// longer than a request says.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	_ "time/tzdata" // Rego may ask for the time in a zone, and no file can be read then.

	"froyo.dev/compiler/internal/confine"
	"froyo.dev/compiler/internal/cuelang"
	"froyo.dev/compiler/internal/regolang"
	"froyo.dev/compiler/internal/requests"
)

// maxStack is how much a recursion may take: enough for the deepest sensible file, and far from all the memory.
const maxStack = 128 << 20

func main() {
	debug.SetMaxStack(maxStack)
	// What a request makes is garbage at its end only, and looking for some before is most of its time.
	debug.SetGCPercent(400)
	if len(os.Args) > 1 {
		most, err := strconv.ParseUint(os.Args[1], 10, 63)
		if err != nil {
			fmt.Fprintf(os.Stderr, "usage: compiler [BYTES OF MEMORY]: %v\n", err)
			os.Exit(2)
		}
		confine.Memory(most)
	}
	if err := confine.Process(); err != nil {
		fmt.Fprintf(os.Stderr, "compiler: cannot give up files and network: %v\n", err)
		os.Exit(3)
	}
	operations := requests.Operations{
		"cue.evaluate": requests.Typed(cuelang.Evaluate),
		"cue.vet":      requests.Typed(cuelang.Vet),
		"cue.format":   requests.Typed(cuelang.Format),
		"rego.check":   requests.Typed(regolang.Check),
		"rego.compile": requests.Typed(regolang.Compile),
		"rego.format":  requests.Typed(regolang.Format),
		"rego.test":    requests.Typed(regolang.Test),
	}
	if err := requests.Serve(os.Stdin, os.Stdout, operations); err != nil {
		fmt.Fprintf(os.Stderr, "compiler: %v\n", err)
		os.Exit(1)
	}
}
