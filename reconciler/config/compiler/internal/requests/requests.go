// Package requests speaks the compiler's protocol: a line of JSON a request, a line of JSON an answer, in turn.
package requests

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"
)

// Request is one line of input.
type Request struct {
	ID        int64           `json:"id"`
	Operation string          `json:"operation"`
	Arguments json.RawMessage `json:"arguments"`
	// Seconds are how long it may take. The process ends itself after that, whether its caller is there or not.
	Seconds float64 `json:"seconds"`
}

// TooLong is what the process ends with when a request took longer than it may.
const TooLong = 4

// Answer is one line of output: what the operation gives, or why it could not be done at all.
//
// What is wrong with the files of a request is no failure, but a part of the operation's own answer.
type Answer struct {
	ID     int64  `json:"id"`
	Answer any    `json:"answer,omitempty"`
	Failed string `json:"failed,omitempty"`
}

// Place is where something stands in a file that was sent. Lines and columns begin with 1; columns count bytes.
type Place struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// String is how people write it.
func (p Place) String() string {
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Problem is one thing that is wrong with what was sent.
type Problem struct {
	Message string `json:"message"`
	Place
	// Others are places that have a part in it: the other side of a conflict.
	Others []Place `json:"others,omitempty"`
	// Path leads to it in the value that it is about.
	Path []string `json:"path,omitempty"`
	// Program is what it was found in, where that is known.
	Program string `json:"program,omitempty"`
	// Document is which of some data it is about.
	Document *int `json:"document,omitempty"`
}

// Listed is a list that is written as one where it is empty, too.
func Listed[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

// Operation answers the arguments of one request.
type Operation func(arguments json.RawMessage) (any, error)

// Operations are what may be asked for, by name.
type Operations map[string]Operation

// Typed makes an operation of a function over values. Fields that it does not know are refused: a caller that is newer
// than this program learns of it.
func Typed[Arguments, Result any](do func(Arguments) (Result, error)) Operation {
	return func(raw json.RawMessage) (any, error) {
		var arguments Arguments
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&arguments); err != nil {
			return nil, fmt.Errorf("arguments: %w", err)
		}
		return do(arguments)
	}
}

// Serve answers requests until the input ends.
func Serve(in io.Reader, out io.Writer, operations Operations) error {
	reader := bufio.NewReaderSize(in, 1<<16)
	writer := bufio.NewWriterSize(out, 1<<16)
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(bytes.TrimSpace(line)) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read: %w", err)
		}
		if err := reply(writer, answer(line, operations)); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		// What one request took is not what the next one should have to stand in.
		debug.FreeOSMemory()
	}
}

func reply(writer *bufio.Writer, answer Answer) error {
	encoder := json.NewEncoder(writer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(answer); err != nil {
		return err
	}
	return writer.Flush()
}

func answer(line []byte, operations Operations) (answer Answer) {
	var request Request
	if err := json.Unmarshal(line, &request); err != nil {
		return Answer{Failed: fmt.Sprintf("this is no request: %v", err)}
	}
	answer.ID = request.ID
	if request.Seconds > 0 {
		limit := time.Duration(request.Seconds * float64(time.Second))
		defer time.AfterFunc(limit, func() { os.Exit(TooLong) }).Stop()
	}
	operation, known := operations[request.Operation]
	if !known {
		answer.Failed = fmt.Sprintf("no operation %q", request.Operation)
		return answer
	}
	// A library that gives up on one file has not broken the others: nothing of a request outlives it.
	defer func() {
		if reason := recover(); reason != nil {
			answer.Answer = nil
			answer.Failed = fmt.Sprintf("%s gave up: %v", request.Operation, reason)
		}
	}()
	result, err := operation(request.Arguments)
	if err != nil {
		answer.Failed = err.Error()
		return answer
	}
	answer.Answer = result
	return answer
}
