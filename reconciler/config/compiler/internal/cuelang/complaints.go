package cuelang

import (
	"regexp"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"

	"froyo.dev/compiler/internal/requests"
)

// maxProblems is how many are told of one request: nobody reads more, and one mistake in a template makes thousands.
const maxProblems = 200

// importFailed begins what is said of an import. The place that it names is that of the problem.
var importFailed = regexp.MustCompile(`^import failed: \S+:\d+:\d+: `)

// maxPlaces is how many places are told of one problem.
const maxPlaces = 32

// maxMessage is how long a message is at most: there may be whole values in it.
const maxMessage = 1000

// complaints are what is wrong with the files of a request, each said once.
type complaints struct {
	sent     map[string]string
	seen     map[string]bool
	problems []requests.Problem
}

func newComplaints(sent map[string]string) *complaints {
	return &complaints{sent: sent, seen: map[string]bool{}}
}

// add takes in what CUE says of a program before it has a value.
func (c *complaints) add(err error, about program) {
	for _, one := range each(err) {
		c.addProblem(c.problem(one, about))
	}
}

// addOf takes in what CUE says of a program's value. What has no place in the files that were sent has that of the nearest
// value that it is in.
func (c *complaints) addOf(err error, about program, whole cue.Value) {
	for _, one := range each(err) {
		problem := c.problem(one, about)
		for path := one.Path(); problem.Line == 0 && len(path) > 0; path = path[:len(path)-1] {
			if place := c.placeAt(whole, path); place != nil {
				problem.Place = *place
			}
		}
		c.addProblem(problem)
	}
}

func (c *complaints) placeAt(whole cue.Value, path []string) *requests.Place {
	value := whole.LookupPath(cue.ParsePath(strings.Join(path, ".")))
	if !value.Exists() {
		return nil
	}
	position := declared(value, c.sent)
	if !position.IsValid() {
		return nil
	}
	return &requests.Place{File: named(position.Filename()), Line: position.Line(), Column: position.Column()}
}

// declared is where the field of a value begins: of all that is written for it, the most particular that was sent.
func declared(value cue.Value, sent map[string]string) token.Pos {
	_, parts := value.Expr()
	for _, part := range parts {
		if _, is := sent[named(part.Pos().Filename())]; is {
			return part.Pos()
		}
	}
	return token.NoPos
}

// noneFits heads what is said of the ways of a disjunction, and says nothing by itself.
var noneFits = regexp.MustCompile(`\d+ errors in empty disjunction:$`)

// each is every single error in one.
func each(err error) []errors.Error {
	if err == nil {
		return nil
	}
	all := errors.Errors(errors.Sanitize(errors.Promote(err, "")))
	return slices.DeleteFunc(slices.Clone(all), func(one errors.Error) bool {
		return len(all) > 1 && noneFits.MatchString(one.Error())
	})
}

func (c *complaints) problem(one errors.Error, about program) requests.Problem {
	message := strings.ReplaceAll(strings.TrimSpace(one.Error()), top, "")
	message = importFailed.ReplaceAllString(message, "import failed: ")
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + " …"
	}
	problem := requests.Problem{Message: message, Path: one.Path(), Program: about.name}
	var own, others []requests.Place
	positions := errors.Positions(one)
	for _, position := range positions[:min(len(positions), maxPlaces)] {
		place := requests.Place{File: named(position.Filename()), Line: position.Line(), Column: position.Column()}
		if _, sent := c.sent[place.File]; sent {
			own = append(own, place)
		} else {
			others = append(others, place)
		}
	}
	switch {
	case len(own) > 0:
		problem.Place, problem.Others = own[0], append(own[1:], others...)
	case about.file != "":
		problem.Place, problem.Others = requests.Place{File: about.file}, others
	default:
		problem.Place, problem.Others = requests.Place{File: c.anyOf(about)}, others
	}
	return problem
}

// named is a file as the request calls it; one of the library as it is imported.
func named(file string) string {
	file = strings.TrimPrefix(file, top)
	if _, imported, is := strings.Cut(file, "cue.mod/gen/"); is {
		return imported
	}
	return file
}

// anyOf is a file of a package, for what is wrong with it as a whole.
func (c *complaints) anyOf(about program) string {
	var files []string
	for name := range c.sent {
		if about.directory != "" && isProgram(name) && isBelow(name, about.directory) {
			files = append(files, name)
		}
	}
	if len(files) == 0 {
		return about.root
	}
	slices.Sort(files)
	return files[0]
}

func (c *complaints) addProblem(problem requests.Problem) {
	key := problem.Message
	for _, place := range append([]requests.Place{problem.Place}, problem.Others...) {
		key += "\x00" + place.String()
	}
	if !c.seen[key] && len(c.problems) < maxProblems {
		c.seen[key] = true
		c.problems = append(c.problems, problem)
	}
}
