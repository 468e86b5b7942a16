package holders

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"froyo.dev/runner/internal/owner"
)

func TestThePortsOfALineAreFoundAndItsTimeIsNone(t *testing.T) {
	for line, wanted := range map[string][]int{
		"2026/11/29 22:53:80 [emerg] 7#7: bind() to 0.0.0.0:80 failed (98: Address already in use)":          {80},
		"(98)Address already in use: AH00072: make_sock: could not bind to address [::]:8080":                {8080},
		"app.socket: Failed to create listening socket ([::]:443): Address already in use":                   {443},
		"listen tcp :9090: bind: address already in use":                                                     {9090},
		"Error: listen EADDRINUSE: address already in use :::3000":                                           {3000},
		"error while attempting to bind on address ('127.0.0.1', 8000): address already in use":              {8000},
		"[ERROR] Connection in use: ('0.0.0.0', 8001)":                                                       {8001},
		"address already in use; port 8000 and port: 8001":                                                   {8000, 8001},
		"main.go:123: listen tcp :8080: bind: address already in use":                                        {8080},
		"server.py:22: cannot listen: Address already in use":                                                nil,
		"Port 5000 is in use by another program. Either identify and stop that program, or use another one.": {5000},
		"Web server failed to start. Port 8080 was already in use.":                                          {8080},
		"HINT:  Is another postmaster already running on port 5432? If not, wait a few seconds and retry.":   {5432},
		"Do you already have another mysqld server running on port: 3306 ?":                                  {3306},
		"Bind for 0.0.0.0:81 failed: port is already allocated":                                              {81},
		"it is running on port 80":                                                                           nil,
		"OSError: [Errno 98] Address already in use":                                                         nil,
		"connection to 10.0.0.1:5432 refused":                                                                nil,
		":1 :2 :3 :4 :70000 address in use":                                                                  {1, 2, 3},
	} {
		if found := portsIn(line); !slices.Equal(found, wanted) {
			t.Errorf("%s: %v", line, found)
		}
	}
}

func TestWhoListensIsNamed(t *testing.T) {
	for _, network := range []string{"tcp4", "tcp6", "udp4"} {
		number := 0
		if network == "udp4" {
			conn, err := net.ListenPacket(network, "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			number = conn.LocalAddr().(*net.UDPAddr).Port
		} else {
			listener, err := net.Listen(network, "localhost:0")
			if err != nil {
				t.Logf("%s: %v", network, err)
				continue
			}
			defer listener.Close()
			number = listener.Addr().(*net.TCPAddr).Port
		}
		told := Told(t.Context(), fmt.Sprintf("bind() to :%d failed (98: Address already in use)", number), owner.NewNames())
		if !strings.HasPrefix(told, fmt.Sprintf("port %d is held by `", number)) || !strings.Contains(told, fmt.Sprintf("(pid %d", os.Getpid())) {
			t.Errorf("%s: %s", network, told)
		}
	}
	if told := Told(t.Context(), "all is well at :80", owner.NewNames()); told != "" {
		t.Error(told)
	}
}

func TestAPortThatNobodyHasIsNotTold(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	number := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	if told := Told(t.Context(), fmt.Sprintf("bind :%d: address already in use", number), owner.NewNames()); told != "" {
		t.Error(told)
	}
}
