package cuelang

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	cueerrors "cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/load"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/mod/modfile"
	"cuelang.org/go/mod/module"

	"froyo.dev/compiler/internal/requests"
)

const (
	// top is where the files of a request are for CUE, which lays them over a file system. There is nothing below it.
	top        = "/source-of-froyo/"
	moduleFile = "cue.mod/module.cue"
	// moduleOfItsOwn is for a source that is no module: what it imports is the library, and what CUE has itself.
	moduleOfItsOwn = "module: \"froyo.local/source@v0\"\nlanguage: version: \"v0.16.0\"\n"
)

// program is what is evaluated by itself: the files of one package in one directory, with those of the same package in the
// directories above it; or one file that is of no package.
type program struct {
	// name is how it is called: its directory and package, as `dir:package`, or its file.
	name string
	// root is the directory of its module, "." for the source's own.
	root      string
	directory string
	pkg       string
	file      string
	// extended says that the same package goes on in a directory below, where what is undecided here may be decided.
	extended bool
}

// argument is what load calls the program, seen from its module's root.
func (p program) argument() string {
	inside := func(name string) string {
		if p.root == "." {
			return name
		}
		return cmp.Or(strings.TrimPrefix(strings.TrimPrefix(name, p.root), "/"), ".")
	}
	if p.file != "" {
		return "./" + inside(p.file)
	}
	return "./" + inside(p.directory) + ":" + p.pkg
}

// sources are the CUE files of a request.
type sources struct {
	files    map[string]string
	library  map[string]string
	programs []program
	// tags and flags are what may be set: fields with @tag, and what files ask for with @if or a short form of a tag.
	tags  map[string]bool
	flags map[string]bool
}

// newSources finds the programs among files. What does not parse is said when it is loaded.
func newSources(files, library map[string]string) *sources {
	s := &sources{files: map[string]string{}, library: library, tags: map[string]bool{}, flags: map[string]bool{}}
	if _, is := files[moduleFile]; !is {
		s.files[moduleFile] = moduleOfItsOwn
	}
	roots := []string{"."}
	for name, content := range files {
		s.files[name] = content
		if name == moduleFile || strings.HasSuffix(name, "/"+moduleFile) {
			roots = append(roots, path.Dir(path.Dir(name)))
		}
	}
	seen := map[program]bool{}
	for name, content := range files {
		if !isProgram(name) {
			continue
		}
		root := nearest(roots, name)
		// What does not parse has a package all the same, if it gets so far.
		file, _ := parser.ParseFile(name, content)
		if file != nil {
			s.note(file)
		}
		one := program{root: root, directory: path.Dir(name), pkg: packageOf(file, name, content)}
		if one.pkg == "" || one.pkg == "_" {
			one = program{root: root, file: name, name: name}
		} else {
			one.name = one.directory + ":" + one.pkg
		}
		seen[one] = true
	}
	for one := range seen {
		s.programs = append(s.programs, one)
	}
	// What a directory above makes is known before those below it.
	slices.SortFunc(s.programs, func(a, b program) int {
		return cmp.Or(strings.Compare(a.directory, b.directory), strings.Compare(a.name, b.name))
	})
	for i, one := range s.programs {
		s.programs[i].extended = slices.ContainsFunc(s.programs, func(other program) bool {
			return one.file == "" && other.file == "" && other.pkg == one.pkg && other.root == one.root &&
				other.directory != one.directory && isBelow(other.directory, one.directory)
		})
	}
	for _, root := range roots {
		s.addLibrary(root)
	}
	return s
}

// packageOf is the package that a file says it is of, or "". Nothing is left of a file that is nested too deeply, and what
// it begins with is looked at by itself then.
func packageOf(file *ast.File, name, content string) string {
	if file != nil && file.PackageName() != "" {
		return file.PackageName()
	}
	if file, _ = parser.ParseFile(name, content, parser.PackageClauseOnly); file != nil {
		return file.PackageName()
	}
	return ""
}

// addLibrary puts the definitions where a module's imports are looked for, in the place of what has been exported there.
func (s *sources) addLibrary(root string) {
	for name, content := range s.library {
		directory := path.Join(root, "cue.mod/gen", name)
		for file := range s.files {
			if path.Dir(file) == directory {
				delete(s.files, file)
			}
		}
		s.files[path.Join(directory, "definitions.cue")] = content
	}
}

// isProgram says whether CUE would take a file as a part of a package: not tools, tests, and what is set aside.
func isProgram(name string) bool {
	if !strings.HasSuffix(name, ".cue") || strings.HasSuffix(name, "_tool.cue") || strings.HasSuffix(name, "_test.cue") {
		return false
	}
	for _, part := range strings.Split(name, "/") {
		if part == "cue.mod" || strings.HasPrefix(part, "_") || strings.HasPrefix(part, ".") {
			return false
		}
	}
	return true
}

func nearest(roots []string, name string) string {
	best := "."
	for _, root := range roots {
		if isBelow(path.Dir(name), root) && len(root) > len(best) {
			best = root
		}
	}
	return best
}

func isBelow(directory, root string) bool {
	return root == "." || directory == root || strings.HasPrefix(directory, root+"/")
}

// note remembers what a file lets be set.
func (s *sources) note(file *ast.File) {
	ast.Walk(file, func(node ast.Node) bool {
		attribute, is := node.(*ast.Attribute)
		if !is {
			return true
		}
		key, body := attribute.Split()
		switch key {
		case "tag":
			name, rest, _ := strings.Cut(body, ",")
			s.tags[unquoted(name)] = true
			for _, part := range strings.Split(rest, ",") {
				if option, values, _ := strings.Cut(part, "="); strings.TrimSpace(option) == "short" {
					for _, value := range strings.Split(values, "|") {
						s.flags[unquoted(value)] = true
					}
				}
			}
		case "if":
			if condition, err := parser.ParseExpr("@if", body); err == nil {
				ast.Walk(condition, func(node ast.Node) bool {
					if name, is := node.(*ast.Ident); is {
						s.flags[name.Name] = true
					}
					return true
				}, nil)
			}
		}
		return true
	}, nil)
}

func unquoted(text string) string {
	text = strings.TrimSpace(text)
	if inner, err := strconv.Unquote(text); err == nil {
		return inner
	}
	return text
}

// given are the tags that load takes, of those that were set: no others than the files know.
func (s *sources) given(set map[string]string) ([]string, error) {
	var tags []string
	for name, value := range set {
		switch {
		case s.tags[name]:
			tags = append(tags, name+"="+value)
		case s.flags[name] && value == "true":
			tags = append(tags, name)
		case s.flags[name] && value != "false":
			return nil, fmt.Errorf("%s is true or false, and not %q", name, value)
		}
	}
	slices.Sort(tags)
	return tags, nil
}

// narrow leaves out all programs but those that are named, and the same packages in the directories above those.
func (s *sources) narrow(only []string) {
	if only == nil {
		return
	}
	wanted := map[string]bool{}
	for _, name := range only {
		wanted[name] = true
	}
	kept := map[program]bool{}
	for _, one := range s.programs {
		if !wanted[one.name] {
			continue
		}
		for _, other := range s.programs {
			above := one.file == "" && other.pkg == one.pkg && other.root == one.root && isBelow(one.directory, other.directory)
			if other == one || above {
				kept[other] = true
			}
		}
	}
	s.programs = slices.DeleteFunc(s.programs, func(one program) bool { return !kept[one] })
}

// names are all that may be set.
func (s *sources) names() []string {
	names := slices.Concat(slices.Collect(maps.Keys(s.tags)), slices.Collect(maps.Keys(s.flags)))
	slices.Sort(names)
	return requests.Listed(slices.Compact(names))
}

// loaded is a program with what it is made of.
type loaded struct {
	program
	instance *build.Instance
	// aside says that all of its files set themselves aside (@if, @ignore).
	aside bool
}

// load reads programs.
func (s *sources) load(set map[string]string) ([]loaded, error) {
	tags, err := s.given(set)
	if err != nil {
		return nil, err
	}
	overlay := map[string]load.Source{}
	for name, content := range s.files {
		overlay[top+name] = load.FromString(content)
	}
	var made []loaded
	for _, batch := range s.batches() {
		made = append(made, loadBatch(overlay, batch, tags)...)
	}
	return made, nil
}

// batches are the programs that are read in one go, so that what they share is read once: the packages of one module, and
// each file without a package, since several of those are one program to CUE.
func (s *sources) batches() [][]program {
	var batches [][]program
	packages := map[string]int{}
	for _, one := range s.programs {
		at, begun := packages[one.root]
		switch {
		case one.file != "":
			batches = append(batches, []program{one})
		case begun:
			batches[at] = append(batches[at], one)
		default:
			packages[one.root] = len(batches)
			batches = append(batches, []program{one})
		}
	}
	return batches
}

// notDeclared is what load says of a tag that none of the files at hand has: others may have it.
var notDeclared = regexp.MustCompile(`^(?:no tag for|tag) ("(?:[^"\\]|\\.)*")(?: not used in any file)?$`)

func loadBatch(overlay map[string]load.Source, batch []program, tags []string) []loaded {
	root := path.Join(top, batch[0].root)
	var arguments []string
	for _, one := range batch {
		arguments = append(arguments, one.argument())
	}
	for {
		instances := load.Instances(arguments, &load.Config{
			Overlay:    overlay,
			Dir:        root,
			ModuleRoot: root,
			Tags:       tags,
			Registry:   registry{},
			Env:        []string{},
		})
		if fewer := without(tags, instances); fewer != nil {
			tags = *fewer
			continue
		}
		var made []loaded
		for i, one := range instances {
			var excluded *load.NoFilesError
			// Fewer than were asked for: not even begun, and it is the module that is broken.
			made = append(made, loaded{batch[min(i, len(batch)-1)], one, errors.As(one.Err, &excluded)})
		}
		return made
	}
}

// without are the tags but for those that load knows no field for, if it says so of any.
func without(tags []string, instances []*build.Instance) *[]string {
	unknown := map[string]bool{}
	for _, one := range instances {
		for _, err := range cueerrors.Errors(one.Err) {
			if found := notDeclared.FindStringSubmatch(err.Error()); found != nil {
				if name, err := strconv.Unquote(found[1]); err == nil {
					unknown[name] = true
				}
			}
		}
	}
	fewer := slices.DeleteFunc(slices.Clone(tags), func(tag string) bool {
		name, _, _ := strings.Cut(tag, "=")
		return unknown[name]
	})
	if len(fewer) == len(tags) {
		return nil
	}
	return &fewer
}

// registry has no modules: they would have to be fetched.
type registry struct{}

func refuse(name string) error {
	return fmt.Errorf("%s is another module, and none is fetched: put its packages into cue.mod/pkg of the source", name)
}

// ModFile is modconfig.Registry.
func (registry) ModFile(_ context.Context, version module.Version) (*modfile.File, error) {
	return nil, refuse(version.String())
}

// Fetch is modconfig.Registry.
func (registry) Fetch(_ context.Context, version module.Version) (module.SourceLoc, error) {
	return module.SourceLoc{}, refuse(version.String())
}

// ModuleVersions is modconfig.Registry.
func (registry) ModuleVersions(_ context.Context, name string) ([]string, error) {
	return nil, nil
}
