package requests

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

type echo struct {
	Text string `json:"text"`
}

func served(t *testing.T, lines string) []string {
	t.Helper()
	operations := Operations{
		"echo":  Typed(func(one echo) (echo, error) { return one, nil }),
		"fail":  Typed(func(one echo) (echo, error) { return one, errors.New("it cannot be done") }),
		"panic": Typed(func(one echo) (echo, error) { panic("a library gave up") }),
	}
	var out strings.Builder
	if err := Serve(strings.NewReader(lines), &out, operations); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func TestEachRequestIsAnsweredInTurn(t *testing.T) {
	answers := served(t, strings.Join([]string{
		`{"id": 1, "operation": "echo", "arguments": {"text": "<a>"}}`,
		`{"id": 2, "operation": "fail", "arguments": {}}`,
		`{"id": 3, "operation": "panic", "arguments": {}}`,
		`{"id": 4, "operation": "none", "arguments": {}}`,
		`{"id": 5, "operation": "echo", "arguments": {"txt": ""}}`,
		`nonsense`,
		`{"id": 6, "operation": "echo", "arguments": {"text": "last"}}`,
	}, "\n"))
	expected := []string{
		`{"id":1,"answer":{"text":"<a>"}}`,
		`{"id":2,"failed":"it cannot be done"}`,
		`{"id":3,"failed":"panic gave up: a library gave up"}`,
		`{"id":4,"failed":"no operation \"none\""}`,
		`{"id":5,"failed":"arguments: json: unknown field \"txt\""}`,
	}
	for i, one := range expected {
		if answers[i] != one {
			t.Errorf("%s is not %s", answers[i], one)
		}
	}
	if !strings.Contains(answers[5], "this is no request") || answers[6] != `{"id":6,"answer":{"text":"last"}}` {
		t.Errorf("%q", answers[5:])
	}
}

func TestNoInputIsNoRequest(t *testing.T) {
	if answers := served(t, ""); answers[0] != "" {
		t.Errorf("%q", answers)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error)  { return 0, io.ErrUnexpectedEOF }
func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAPipeThatBreaksEndsIt(t *testing.T) {
	if err := Serve(broken{}, io.Discard, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	line, _ := json.Marshal(Request{ID: 1})
	if err := Serve(strings.NewReader(string(line)), broken{}, nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}
