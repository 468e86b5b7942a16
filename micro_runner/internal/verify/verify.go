// Package verify lets the runner make sure that it is what the controller sent, before it does anything for it.
//
// Invariant: Executable gives no error only for bytes that were signed with the key that the runner was built with.
package verify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
)

// What is wrong with an executable.
var (
	ErrNoKey        = errors.New("this runner was built without a public key, so it can trust nothing, not even itself")
	ErrBadKey       = errors.New("the public key that this runner was built with is not one on P-256")
	ErrDigest       = errors.New("the executable's SHA-256 differs from what the controller named")
	ErrSignature    = errors.New("the executable's signature does not verify with the key that this runner was built with")
	errNotSigned    = errors.New("the signature is not base64")
	errNotADigest   = errors.New("the SHA-256 is not 64 hexadecimal digits")
	subjectKeyStart = []byte{ // SubjectPublicKeyInfo of an uncompressed point on P-256, up to the point
		0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
		0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
	}
)

// buffer is how much is read at a time: memory for all of it would take as long to be had as the rest.
const buffer = 256 << 10

// Executable checks the program that runs right now: its bytes are read through the kernel, not by its path.
func Executable(publicKey, digest, signature string) error {
	content, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer content.Close()
	return Content(content, publicKey, digest, signature)
}

// Content checks all bytes to come against a hexadecimal SHA-256 and a base64 DER signature (ECDSA over SHA-256).
func Content(content io.Reader, publicKey, digest, signature string) error {
	key, err := parseKey(publicKey)
	if err != nil {
		return err
	}
	wanted, err := hex.DecodeString(digest)
	if err != nil || len(wanted) != sha256.Size {
		return errNotADigest
	}
	signed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(signature))
	if err != nil {
		return errNotSigned
	}
	hash := sha256.New()
	// The reader alone: a file would choose a smaller buffer by itself.
	if _, err := io.CopyBuffer(hash, struct{ io.Reader }{content}, make([]byte, buffer)); err != nil {
		return err
	}
	sum := hash.Sum(nil)
	if string(sum) != string(wanted) {
		return ErrDigest
	}
	if !ecdsa.VerifyASN1(key, sum, signed) {
		return ErrSignature
	}
	return nil
}

// parseKey reads a SubjectPublicKeyInfo in base64. There is one form of it for P-256, so crypto/x509, which is larger than all of
// the runner, is not needed.
func parseKey(text string) (*ecdsa.PublicKey, error) {
	if text == "" {
		return nil, ErrNoKey
	}
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, ErrBadKey
	}
	point, ok := strings.CutPrefix(string(der), string(subjectKeyStart))
	if !ok {
		return nil, ErrBadKey
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), []byte(point))
	if err != nil {
		return nil, ErrBadKey
	}
	return key, nil
}
