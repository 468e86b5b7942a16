package watch

import (
	"encoding/binary"
	"reflect"
	"testing"
)

// fanEvent builds what the kernel would give.
func fanEvent(mask uint64, pid int32, records ...[]byte) []byte {
	size := fanMetadataSize
	for _, record := range records {
		size += len(record)
	}
	b := binary.NativeEndian.AppendUint32(nil, uint32(size))
	b = append(b, fanVersion, 0)
	b = binary.NativeEndian.AppendUint16(b, fanMetadataSize)
	b = binary.NativeEndian.AppendUint64(b, mask)
	b = binary.NativeEndian.AppendUint32(b, 0xffffffff)
	b = binary.NativeEndian.AppendUint32(b, uint32(pid))
	for _, record := range records {
		b = append(b, record...)
	}
	return b
}

func fanRecord(kind byte, handle, name string) []byte {
	body := append([]byte("fsidfsid"), 0, 0, 0, 0, 1, 0, 0, 0)
	binary.NativeEndian.PutUint32(body[8:], uint32(len(handle)))
	body = append(append(body, handle...), name...)
	for len(body)%4 != 0 || name != "" && body[len(body)-1] != 0 {
		body = append(body, 0)
	}
	return append([]byte{kind, 0, byte(len(body) + 4), 0}, body...)
}

func TestParseFanotify(t *testing.T) {
	k := key(append([]byte("fsidfsid"), 6, 0, 0, 0, 1, 0, 0, 0)) + "handle"
	named := fanRecord(fanInfoDirNamed, "handle", "file")
	good := occurrence{dir: k, name: "file", what: modified, pid: 7}
	lost := occurrence{overflow: true}
	cases := map[string]struct {
		bytes []byte
		want  []occurrence
	}{
		"nothing":                  {nil, nil},
		"one":                      {fanEvent(modified, 7, named), []occurrence{good}},
		"two":                      {append(fanEvent(modified, 7, named), fanEvent(modified, 7, named)...), []occurrence{good, good}},
		"a directory, other bits":  {fanEvent(created|onDirectory|0x1, 7, named), []occurrence{{dir: k, name: "file", what: created, isDir: true, pid: 7}}},
		"after another record":     {fanEvent(modified, 7, fanRecord(4, "pidfd", ""), named), []occurrence{good}},
		"without a name":           {fanEvent(modified, 7, fanRecord(3, "handle", "")), nil},
		"without a record":         {fanEvent(modified, 7), nil},
		"overflow":                 {fanEvent(fanOverflow, 0), []occurrence{lost}},
		"cut off":                  {fanEvent(modified, 7, named)[:30], []occurrence{lost}},
		"less than a header":       {make([]byte, 10), nil},
		"of no size":               {make([]byte, 24), []occurrence{lost}},
		"of another version":       {append([]byte{24, 0, 0, 0, 9}, make([]byte, 19)...), []occurrence{lost}},
		"a record without end":     {fanEvent(modified, 7, []byte{2, 0, 200, 0, 1, 2}), nil},
		"a record of no size":      {fanEvent(modified, 7, []byte{2, 0, 0, 0}), nil},
		"a handle without end":     {fanEvent(modified, 7, append(named[:12:12], 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)), nil},
		"metadata beyond the size": {badMetadata(named), []occurrence{lost}},
	}
	for name, c := range cases {
		if got := parseFanotify(c.bytes); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func badMetadata(record []byte) []byte {
	b := fanEvent(modified, 7, record)
	binary.NativeEndian.PutUint16(b[6:], 0xffff)
	return b
}

func inEvent(wd int32, mask uint32, name string) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(wd))
	b = binary.NativeEndian.AppendUint32(b, mask)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = binary.NativeEndian.AppendUint32(b, uint32(len(name)))
	return append(b, name...)
}

func TestParseInotify(t *testing.T) {
	cases := map[string]struct {
		bytes []byte
		want  []occurrence
	}{
		"nothing":   {nil, nil},
		"one":       {inEvent(3, modified, "file\x00\x00\x00"), []occurrence{{dir: "3", name: "file", what: modified}}},
		"of itself": {inEvent(3, attributed|onDirectory, ""), []occurrence{{dir: "3", what: attributed, isDir: true}}},
		"gone":      {append(inEvent(3, inIgnored, ""), inEvent(4, inUnmount, "")...), []occurrence{{dir: "3", gone: true}, {dir: "4", gone: true}}},
		"overflow":  {inEvent(-1, inOverflow, ""), []occurrence{{overflow: true}}},
		"cut off":   {inEvent(3, modified, "file\x00\x00\x00")[:18], []occurrence{{overflow: true}}},
	}
	for name, c := range cases {
		if got := parseInotify(c.bytes); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func FuzzParseFanotify(f *testing.F) {
	f.Add(fanEvent(modified, 7, fanRecord(fanInfoDirNamed, "handle", "file")))
	f.Fuzz(func(_ *testing.T, b []byte) { parseFanotify(b) })
}

func TestUnnamed(t *testing.T) {
	for name, want := range map[string]bool{"#12345": true, "#": false, "": false, "#file#": false, "x": false, "1": false} {
		if unnamed(name) != want {
			t.Error(name)
		}
	}
}
