package facts

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// Of rtnetlink(7), what package syscall does not name.
const (
	ifaFlags      = 8
	ifaTemporary  = 0x01
	ifaDadFailed  = 0x08
	ifaTentative  = 0x40
	iflaMaster    = 10
	iflaLinkInfo  = 18
	iflaInfoKind  = 1
	scopeUniverse = 0
	scopeSite     = 200
)

// dump is what the kernel answers to a request for all of something; nothing where it does not.
func dump(request int, kind uint16) []syscall.NetlinkMessage {
	raw, err := syscall.NetlinkRIB(request, syscall.AF_UNSPEC)
	if err != nil {
		return nil
	}
	messages, err := syscall.ParseNetlinkMessage(raw)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(messages, func(m syscall.NetlinkMessage) bool { return m.Header.Type != kind })
}

func readLinks() []link {
	var found []link
	for _, message := range dump(syscall.RTM_GETLINK, syscall.RTM_NEWLINK) {
		attributes, err := syscall.ParseNetlinkRouteAttr(&message)
		if err != nil || len(message.Data) < syscall.SizeofIfInfomsg {
			continue
		}
		flags := binary.NativeEndian.Uint32(message.Data[8:12])
		one := link{
			index: int32(binary.NativeEndian.Uint32(message.Data[4:8])), up: flags&syscall.IFF_UP != 0, loopback: flags&syscall.IFF_LOOPBACK != 0,
		}
		for _, attribute := range attributes {
			switch attribute.Attr.Type {
			case syscall.IFLA_IFNAME:
				one.name = text(attribute.Value)
			case syscall.IFLA_MTU:
				one.mtu = int64(number(attribute.Value))
			case syscall.IFLA_ADDRESS:
				one.mac = hardwareAddress(attribute.Value)
			case iflaMaster:
				one.member = true
			case iflaLinkInfo:
				one.kind = text(nested(attribute.Value, iflaInfoKind))
			}
		}
		if one.loopback {
			one.mac = ""
		}
		found = append(found, one)
	}
	return found
}

// readAddresses leaves out those that come and go by themselves.
func readAddresses() []address {
	var found []address
	for _, message := range dump(syscall.RTM_GETADDR, syscall.RTM_NEWADDR) {
		attributes, err := syscall.ParseNetlinkRouteAttr(&message)
		if err != nil || len(message.Data) < syscall.SizeofIfAddrmsg {
			continue
		}
		bits, flags, scope := int(message.Data[1]), uint32(message.Data[2]), message.Data[3]
		var local, peer netip.Addr
		for _, attribute := range attributes {
			switch attribute.Attr.Type {
			case syscall.IFA_LOCAL:
				local, _ = netip.AddrFromSlice(attribute.Value)
			case syscall.IFA_ADDRESS:
				peer, _ = netip.AddrFromSlice(attribute.Value)
			case ifaFlags:
				flags = number(attribute.Value)
			}
		}
		if !local.IsValid() {
			local = peer // as IPv6 has it
		}
		// To IPv4 that flag means a second address of a network, which stays.
		passing := uint32(ifaTentative | ifaDadFailed)
		if local.Is6() {
			passing |= ifaTemporary
		}
		if !local.IsValid() || flags&passing != 0 {
			continue
		}
		found = append(found, address{
			index:  int32(binary.NativeEndian.Uint32(message.Data[4:8])),
			prefix: netip.PrefixFrom(local, bits), global: scope == scopeUniverse || scope == scopeSite,
		})
	}
	return found
}

func number(value []byte) uint32 {
	if len(value) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(value)
}

func text(value []byte) string { return strings.TrimRight(string(value), "\x00") }

// nested is the value of an attribute among those that another one holds.
func nested(attributes []byte, kind uint16) []byte {
	for len(attributes) >= syscall.SizeofRtAttr {
		length := int(binary.NativeEndian.Uint16(attributes))
		if length < syscall.SizeofRtAttr || length > len(attributes) {
			return nil
		}
		if binary.NativeEndian.Uint16(attributes[2:]) == kind {
			return attributes[syscall.SizeofRtAttr:length]
		}
		attributes = attributes[min((length+3)&^3, len(attributes)):]
	}
	return nil
}

func hardwareAddress(value []byte) string {
	if len(value) == 0 || !slices.ContainsFunc(value, func(b byte) bool { return b != 0 }) {
		return ""
	}
	parts := make([]string, len(value))
	for i := range value {
		parts[i] = hex.EncodeToString(value[i : i+1])
	}
	return strings.Join(parts, ":")
}
