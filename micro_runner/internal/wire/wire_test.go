package wire

import (
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	cases := map[string]any{
		`null`: nil, ` true `: true, `false`: false, `0`: int64(0), `-0`: int64(0), `-12`: int64(-12),
		`9007199254740991`: int64(MaxInteger), `9007199254740992`: Float("9007199254740992"),
		`1.5`: Float("1.5"), `1e3`: Float("1e3"), `-2E-2`: Float("-2E-2"), `99999999999999999999`: Float("99999999999999999999"),
		`""`: "", `"a\/b\"\\\b\f\n\r\t"`: "a/b\"\\\b\f\n\r\t", `"\u0041\u00e9\u2028"`: "Aé\u2028",
		`"\ud83c\udf66"`: "🍦", `"é"`: "é", `"caf\udce9"`: "caf\xe9", `"\udcc3\udca9"`: "é",
		`[]`: Array{}, `[ 1 , "a" ]`: Array{int64(1), "a"}, `{}`: Object{},
		`{"a":1,"A":{"b":[null]}}`: Object{F("a", int64(1)), F("A", Object{F("b", Array{nil})})},
	}
	for text, want := range cases {
		got, err := Parse([]byte(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, %v", text, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		``, ` `, `nul`, `tru`, `True`, `NaN`, `Infinity`, `-Infinity`, `-`, `01`, `1.`, `.5`, `1e`, `1e+`, `+1`, `0x1`,
		`"`, `"abc`, "\"\t\"", "\"\x00\"", `"\x"`, `"\u12"`, `"\u12g4"`, `"\u+123"`, `"\ud800"`, `"\ud83c\u0041"`, `"\ud83cx"`, `"\ud83c\n"`,
		`"\udc00"`, `"\udfff"`, "\"\xff\"", "\"\xc3\"", `[`, `[1`, `[1,`, `[1,]`, `[1 2]`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`,
		`{a:1}`, `{"a" 1}`, `{"a":1 "b":2}`, `{"\x":1}`, `1 2`, `{}{}`, `"\`, `"\ud83c\`, `"\ud83c\u12`, "\ufeff{}",
		strings.Repeat("[", 100), strings.Repeat(`{"a":`, 100),
	} {
		if value, err := Parse([]byte(text)); err == nil {
			t.Errorf("%q became %#v", text, value)
		}
	}
}

func TestAppendIsCanonical(t *testing.T) {
	value := Object{
		F("z", Array{nil, true, false, 1, int64(-2), Float("1.5"), Raw(`{"raw":1}`)}),
		F("b", "old"), F("a", Object{}), F("b", "caf\xe9 é 🍦 \x7f\x00\x1f\"\\"),
	}
	want := `{"a":{},"b":"caf\udce9 \u00e9 \ud83c\udf66 \u007f\u0000\u001f\"\\","z":[null,true,false,1,-2,1.5,{"raw":1}]}`
	if got := string(Append(nil, value)); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	if value[0].Key != "z" {
		t.Fatal("the value itself was sorted")
	}
}

func TestAppendPanicsOnWhatIsNoValue(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Fatal("no panic")
		}
	}()
	Append(nil, struct{}{})
}

func TestGetGivesTheLastOfAKey(t *testing.T) {
	object := Object{F("a", 1), F("a", 2)}
	if value, ok := object.Get("a"); !ok || value != 2 {
		t.Fatal(value)
	}
	if _, ok := object.Get("A"); ok {
		t.Fatal("keys are case sensitive")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"a":[1,"\ud83c\udf66",null,true,-1.5e9]}`)
	f.Fuzz(func(t *testing.T, text string) {
		value, err := Parse([]byte(text))
		if err != nil {
			return
		}
		once := string(Append(nil, value))
		again, err := Parse([]byte(once))
		if err != nil || string(Append(nil, again)) != once {
			t.Fatalf("%q: %q, %v", text, once, err)
		}
	})
}
