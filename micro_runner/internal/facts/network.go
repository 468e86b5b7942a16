package facts

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"froyo.dev/runner/internal/wire"
)

// link is a network interface.
type link struct {
	index    int32
	name     string
	kind     string // as `ip -d link` names it; "" for a device
	mac      string
	mtu      int64
	up       bool // as somebody has set it, whatever is plugged in
	loopback bool
	member   bool // of a bridge or a bond
}

// address is one of a network interface.
type address struct {
	index  int32
	prefix netip.Prefix
	global bool // valid beyond its own network segment
}

// transient says that an interface comes and goes with a container or a virtual machine, which has its other end.
func (l link) transient() bool { return l.member && (l.kind == "veth" || l.kind == "tun") }

func network(m *machine) wire.Object {
	links := slices.DeleteFunc(m.links(), link.transient)
	addresses := m.addresses()
	found := m.table()
	global := map[bool]wire.Array{true: {}, false: {}} // by whether it is of IPv6
	for _, one := range links {
		own := wire.Array{}
		for _, each := range addresses {
			if each.index != one.index {
				continue
			}
			scope := "link"
			switch {
			case each.prefix.Addr().IsLoopback():
				scope = "host"
			case each.global:
				scope = "global"
			}
			own = append(own, wire.Object{
				wire.F("address", each.prefix.Addr().String()), wire.F("family", version(each.prefix.Addr())),
				wire.F("prefix", each.prefix.Bits()), wire.F("scope", scope),
			})
			if scope == "global" {
				six := each.prefix.Addr().Is6()
				global[six] = append(global[six], each.prefix.Addr().String())
			}
		}
		kind := one.kind
		if one.loopback {
			kind = "loopback"
		} else if kind == "" {
			kind = "device"
		}
		entry := wire.Object{wire.F("addresses", own), wire.F("kind", bounded(kind)), wire.F("mtu", one.mtu), wire.F("up", one.up)}
		if !found.put(one.name, with(entry, "mac", one.mac)) {
			break
		}
	}
	names := wire.Object{}
	for _, one := range links {
		names = append(names, wire.F(one.name, int64(one.index)))
	}
	standard := wire.Object{}
	for _, way := range []struct {
		family string
		route  *route
	}{{"ipv4", defaultRoute4(m.content("/proc/net/route"))}, {"ipv6", defaultRoute6(m.content("/proc/net/ipv6_route"))}} {
		if way.route == nil {
			continue
		}
		index, _ := names.Get(way.route.device)
		standard = append(standard, wire.F(way.family, described(way.route, index, addresses)))
	}
	servers, search := resolver(m.content("/etc/resolv.conf"))
	host := uts(m.uname().Nodename)
	fqdn := qualified(host, m.content("/etc/hosts"), search)
	_, domain, _ := strings.Cut(fqdn, ".")
	result := wire.Object{
		wire.F("default", standard), wire.F("interfaces", found.entries), wire.F("ipv4", global[false]), wire.F("ipv6", global[true]),
		wire.F("nameservers", texts(servers)), wire.F("search", texts(search)),
	}
	return with(with(with(result, "hostname", host), "fqdn", fqdn), "domain", domain)
}

func version(address netip.Addr) string {
	if address.Is6() {
		return "ipv6"
	}
	return "ipv4"
}

// route is where what is for anywhere goes.
type route struct {
	device  string
	gateway netip.Addr // the zero one where there is none
	metric  uint64
	six     bool
}

func described(way *route, index any, addresses []address) wire.Object {
	found := wire.Object{wire.F("interface", way.device)}
	if way.gateway.IsValid() {
		found = append(found, wire.F("gateway", way.gateway.String()))
	}
	own := ""
	for _, one := range addresses {
		if int64(one.index) != index || !one.global || one.prefix.Addr().Is6() != way.six {
			continue
		}
		if near := one.prefix.Contains(way.gateway); own == "" || near {
			own = one.prefix.Addr().String()
			if near {
				break
			}
		}
	}
	return with(found, "address", own)
}

const (
	routeUp     = 0x1
	routeReject = 0x200
)

// defaultRoute4 is the default route of proc_net_route, which has addresses in the machine's order: that of all that we run on.
func defaultRoute4(table string) *route {
	var best *route
	for line := range strings.SplitSeq(table, "\n") {
		fields := strings.Fields(line)
		if len(fields) < 8 || fields[1] != "00000000" || fields[7] != "00000000" {
			continue
		}
		flags, err := strconv.ParseUint(fields[3], 16, 32)
		metric, err2 := strconv.ParseUint(fields[6], 10, 32)
		gateway, err3 := hex.DecodeString(fields[2])
		if err != nil || err2 != nil || err3 != nil || len(gateway) != 4 || flags&routeUp == 0 || flags&routeReject != 0 {
			continue
		}
		slices.Reverse(gateway)
		way := &route{device: fields[0], metric: metric}
		if address := netip.AddrFrom4([4]byte(gateway)); !address.IsUnspecified() {
			way.gateway = address
		}
		if best == nil || way.metric < best.metric {
			best = way
		}
	}
	return best
}

func defaultRoute6(table string) *route {
	var best *route
	for line := range strings.SplitSeq(table, "\n") {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[0] != strings.Repeat("0", 32) || fields[1] != "00" || fields[9] == "lo" {
			continue
		}
		gateway, err := hex.DecodeString(fields[4])
		metric, err2 := strconv.ParseUint(fields[5], 16, 32)
		flags, err3 := strconv.ParseUint(fields[8], 16, 32)
		if err != nil || err2 != nil || err3 != nil || len(gateway) != 16 || flags&routeUp == 0 || flags&routeReject != 0 {
			continue
		}
		way := &route{device: fields[9], metric: metric, six: true}
		if address := netip.AddrFrom16([16]byte(gateway)); !address.IsUnspecified() {
			way.gateway = address
		}
		if best == nil || way.metric < best.metric {
			best = way
		}
	}
	return best
}

// resolver reads resolv.conf(5): the last of `search` and `domain` counts.
func resolver(content string) (servers, search []string) {
	for line := range strings.SplitSeq(content, "\n") {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "nameserver":
			servers = append(servers, fields[1])
		case "search", "domain":
			search = fields[1:]
		}
	}
	return servers, slices.DeleteFunc(search, func(domain string) bool { return domain == "." })
}

// qualified is the full name of the host, as hosts(5) and the search list have it. Nobody is asked on the network.
func qualified(host, hosts string, search []string) string {
	if strings.Contains(host, ".") {
		return host
	}
	for line := range strings.SplitSeq(hosts, "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) > 1 && slices.Contains(fields[1:], host) {
			if i := slices.IndexFunc(fields[1:], func(name string) bool { return strings.HasPrefix(name, host+".") }); i >= 0 {
				return fields[1+i]
			}
		}
	}
	if len(search) > 0 {
		return host + "." + search[0]
	}
	return host
}
