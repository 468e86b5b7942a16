package systemd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

const (
	// longestGreeting is how much may be said before the first message, longestMessage how long one may be, both in bytes.
	longestGreeting = 16 << 10
	longestMessage  = 256 << 10
	// mostMessages is how many are taken in a second; who says more waits.
	mostMessages = 5000
	head         = 16 // bytes that say how long a message is
)

var errTooMuch = errors.New("more than a manager of units has to say")

// measured is a connection with a stranger, who cannot have more memory or time taken than a manager of units needs.
type measured struct {
	net.Conn
	framed atomic.Bool // what comes are messages
	said   int         // before them
	begun  []byte      // of the head of a message: what was not given yet
	left   uint32      // of the message behind its head
	second time.Time
	count  int
}

func (m *measured) Write(data []byte) (int, error) {
	if bytes.HasPrefix(data, []byte("BEGIN")) {
		m.framed.Store(true)
	}
	return m.Conn.Write(data)
}

func (m *measured) Read(into []byte) (int, error) {
	if !m.framed.Load() {
		n, err := m.Conn.Read(into)
		if m.said += n; m.said > longestGreeting {
			return 0, errTooMuch
		}
		return n, err
	}
	if len(m.begun) == 0 && m.left == 0 {
		if err := m.next(); err != nil {
			return 0, err
		}
	}
	if len(m.begun) > 0 {
		n := copy(into, m.begun)
		m.begun = m.begun[n:]
		return n, nil
	}
	n, err := m.Conn.Read(into[:min(len(into), int(m.left))])
	m.left -= uint32(n)
	return n, err
}

// next reads the head of a message.
func (m *measured) next() error {
	if now := time.Now(); now.Sub(m.second) >= time.Second {
		m.second, m.count = now, 0
	}
	if m.count++; m.count > mostMessages {
		time.Sleep(time.Until(m.second.Add(time.Second)))
	}
	begun := make([]byte, head)
	if _, err := io.ReadFull(m.Conn, begun); err != nil {
		return err
	}
	var order binary.ByteOrder = binary.LittleEndian
	if begun[0] == 'B' {
		order = binary.BigEndian
	}
	body, fields := order.Uint32(begun[4:]), order.Uint32(begun[12:])
	if body > longestMessage || fields > longestMessage {
		return errTooMuch
	}
	m.begun, m.left = begun, (fields+7)/8*8+body
	return nil
}
