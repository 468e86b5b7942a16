# Changes are made within windows, by the clock on the wall of a time zone. What has drifted is put back at any time.
#
# data.json:
#
#   {"settings": {"windows": [{"labels": {"role": "db"}, "days": ["Saturday", "Sunday"], "from": "22:00", "to": "04:00",
#     "timezone": "Europe/Berlin"}]}}
#
# A window is for the targets that have all of its labels. Targets that no window is for are changed at any time. One
# that ends before it begins ends on the day after. Where clocks are put forward over all of a window, it does not open
# on that day; where they are put back, the hour that comes twice counts twice.
package froyo.plan

deny contains {"msg": $"outside of the change windows for {input.target.name}", "address": change.address} if {
	closed
	some change in input.changes
	not change.cause in {"drift", "refresh"}
}

# Once for all changes: what time it is takes longer to tell than anything else here.
closed if {
	count(windows_here) > 0
	every window in windows_here {
		not is_open(window)
	}
}

# A window that cannot be understood must not open everything.
deny contains $"data.settings.windows: {window} is not understood" if {
	some window in data.settings.windows
	not understood(window)
}

understood(window) if {
	is_object(window.labels)
	regex.match(`^([01][0-9]|2[0-3]):[0-5][0-9]$`, window.from)
	regex.match(`^([01][0-9]|2[0-3]):[0-5][0-9]$`, window.to)
	is_string(window.timezone)
	count(object.keys(window) - {"days", "from", "labels", "timezone", "to"}) == 0
	every day in object.get(window, "days", []) {
		day in object.keys(the_day_before)
	}
}

windows_here contains window if {
	some window in data.settings.windows
	understood(window)
	every key, value in window.labels {
		input.target.labels[key] == value
	}
}

is_open(window) if {
	window.from < window.to
	on_day(window, time.weekday([input.time.ns, window.timezone]))
	clock(window) >= window.from
	clock(window) < window.to
}

is_open(window) if {
	window.from >= window.to
	on_day(window, time.weekday([input.time.ns, window.timezone]))
	clock(window) >= window.from
}

is_open(window) if {
	window.from >= window.to
	on_day(window, the_day_before[time.weekday([input.time.ns, window.timezone])])
	clock(window) < window.to
}

on_day(window, _) if not window.days

on_day(window, day) if day in window.days

clock(window) := substring(time.format([input.time.ns, window.timezone, "15:04"]), 0, 5)

the_day_before := {
	"Monday": "Sunday",
	"Tuesday": "Monday",
	"Wednesday": "Tuesday",
	"Thursday": "Wednesday",
	"Friday": "Thursday",
	"Saturday": "Friday",
	"Sunday": "Saturday",
}
