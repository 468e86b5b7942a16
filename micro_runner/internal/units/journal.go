package units

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/wire"
)

const (
	journalLines = "10"
	// longestLine and longestJournal bound what is told of a journal, in bytes.
	longestLine    = 300
	longestJournal = 2048
	reading        = 5 * time.Second
)

// Journal is the end of a journal, as some arguments of journalctl select it; "" where there is none to be had. Of what it said before since nothing is told, unless
// that is no time at all: what went well an hour ago would only hide what did not.
func Journal(ctx context.Context, selection []string, since time.Time) string {
	ctx, cancel := context.WithTimeout(ctx, reading)
	defer cancel()
	// What the unit has said last may be on its way still.
	_, _ = execute.Run(ctx, execute.Spec{Argv: []string{"journalctl", "--sync"}, Directory: "/"})
	// The newest first: from --since on, systemd before 254 counts --lines from the beginning.
	argv := []string{"journalctl", "--quiet", "--no-pager", "--output=json", "--output-fields=MESSAGE", "--reverse", "--lines=" + journalLines}
	if !since.IsZero() {
		argv = append(argv, fmt.Sprintf("--since=@%d", since.Unix())) // whole seconds: what an attempt before has left in this one is left out below
	}
	argv = append(argv, selection...)
	outcome, err := execute.Run(ctx, execute.Spec{Argv: argv, Directory: "/", MaxOutput: 64 << 10})
	if err != nil || outcome.Exit != 0 {
		return ""
	}
	return shown(messages(string(outcome.Stdout), since))
}

// messages are what entries say that came since some time, of which the newest comes first, in the order in which it was said.
func messages(entries string, since time.Time) string {
	var said []string
	for one := range strings.SplitSeq(entries, "\n") {
		value, err := wire.Parse([]byte(one))
		entry, ok := value.(wire.Object)
		if err != nil || !ok {
			continue
		}
		came, err := strconv.ParseInt(command.Text(entry, "__REALTIME_TIMESTAMP"), 10, 64)
		if err == nil && !since.IsZero() && came < since.UnixMicro() {
			break
		}
		switch message, _ := entry.Get("MESSAGE"); message := message.(type) {
		case string:
			said = append(said, message)
		case wire.Array: // of bytes, where it is no text
			var text []byte
			for _, each := range message {
				number, _ := wire.Int(each, 0, 255)
				text = append(text, byte(number))
			}
			said = append(said, string(text))
		}
	}
	slices.Reverse(said)
	return strings.Join(said, "\n")
}

// shown is the end of what a journal says, as it can be shown.
func shown(text string) string {
	lines := strings.Split(strings.TrimRight(strings.ToValidUTF8(text, "\ufffd"), "\n"), "\n")
	size := 0
	for i := len(lines) - 1; i >= 0; i-- {
		lines[i] = strings.Map(printable, lines[i])
		if len(lines[i]) > longestLine {
			lines[i] = strings.ToValidUTF8(lines[i][:longestLine], "") + "…"
		}
		if size += len(lines[i]) + 1; size > longestJournal {
			lines = lines[i+1:]
			break
		}
	}
	return strings.Join(lines, "\n")
}

func printable(r rune) rune {
	if r == '\t' {
		return ' '
	}
	if r < ' ' || r == 0x7f {
		return '\ufffd'
	}
	return r
}
