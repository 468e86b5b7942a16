package verify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func TestContent(t *testing.T) {
	key := func(curve elliptic.Curve) (*ecdsa.PrivateKey, string) {
		private, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		return private, base64.StdEncoding.EncodeToString(public)
	}
	private, public := key(elliptic.P256())
	_, stranger := key(elliptic.P256())
	_, larger := key(elliptic.P384())
	content := []byte("a program")
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	signed, err := ecdsa.SignASN1(rand.Reader, private, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := base64.StdEncoding.EncodeToString(signed)
	offCurve, _ := base64.StdEncoding.DecodeString(public)
	offCurve[len(offCurve)-1] ^= 1
	for name, c := range map[string]struct {
		content                string
		key, digest, signature string
		want                   error
	}{
		"good":               {"a program", public, digest, signature, nil},
		"with a newline":     {"a program", public, digest, signature + "\n", nil},
		"another content":    {"a Program", public, digest, signature, ErrDigest},
		"another digest":     {"a program", public, hex.EncodeToString(make([]byte, 32)), signature, ErrDigest},
		"a stranger's key":   {"a program", stranger, digest, signature, ErrSignature},
		"no key":             {"a program", "", digest, signature, ErrNoKey},
		"a key that is none": {"a program", "AAAA", digest, signature, ErrBadKey},
		"a key not base64":   {"a program", "?", digest, signature, ErrBadKey},
		"another curve":      {"a program", larger, digest, signature, ErrBadKey},
		"off the curve":      {"a program", base64.StdEncoding.EncodeToString(offCurve), digest, signature, ErrBadKey},
		"no digest":          {"a program", public, "", signature, errNotADigest},
		"not a digest":       {"a program", public, "xyz", signature, errNotADigest},
		"no signature":       {"a program", public, digest, "", ErrSignature},
		"not a signature":    {"a program", public, digest, "?", errNotSigned},
		"half a signature":   {"a program", public, digest, base64.StdEncoding.EncodeToString(signed[:20]), ErrSignature},
	} {
		if err := Content(strings.NewReader(c.content), c.key, c.digest, c.signature); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Executable(public, digest, signature); !errors.Is(err, ErrDigest) {
		t.Error(err)
	}
}
