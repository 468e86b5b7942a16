"""A machine set up by hand is adopted without a change: what is on it becomes manifests; the first plan is empty."""

import json

import pytest

from tests.e2e.lab import target

pytestmark = [pytest.mark.lab, pytest.mark.slow]

BY_HAND = """
groupadd -g 1500 web; useradd -m -u 1501 -G web,sudo -s /bin/sh -c 'Ann, of operations' ann
echo 'ann:$6$salt$canary.canary.canary.canary.canary' | chpasswd -e
DEBIAN_FRONTEND=noninteractive apt-get -qq install -y cowsay >/dev/null; apt-mark hold cowsay >/dev/null
systemctl mask nginx.service 2>/dev/null
echo '30 3 * * * root find /var/tmp -mtime +30 -delete' >/etc/cron.d/tidy
printf '0 1 * * * ann date\\n5 * * * * root true ${HOME}\\n' >/etc/cron.d/two
cat >/etc/systemd/system/hello.service <<'EOF'
[Service]
ExecStart=/bin/sh -c "echo ${WHO}; sleep 1000"
Environment=WHO=me
[Install]
WantedBy=multi-user.target
EOF
mkdir /etc/systemd/system/cron.service.d; printf '[Service]\\nNice=5\\n' >/etc/systemd/system/cron.service.d/nice.conf
systemctl daemon-reload; systemctl enable -q --now hello.service
mkdir /srv/scratch; echo 'tmpfs /srv/scratch tmpfs size=8m,mode=0755,nosuid 0 0' >>/etc/fstab; mount /srv/scratch
echo 'none /mnt/later tmpfs noauto 0 0' >>/etc/fstab
sed -i 's/^#\\?MaxAuthTries.*/MaxAuthTries 5/' /etc/ssh/sshd_config
echo '10.9.9.9 db.internal' >>/etc/hosts
echo 'Welcome {{ user }}' >/etc/motd
printf 'server {\\n\\tlisten 8080;\\n  location / { return 200 "$host ${x}"; }\\n}\\n' >/etc/nginx/conf.d/site.conf
(umask 077; echo canary >/etc/app.secret); (umask 027; echo canary >/etc/app.key)
head -c 300 /dev/urandom >/etc/app.bin
printf 'first\\n  second \\n\\n\\tthird' >/etc/app.conf; chown ann:web /etc/app.conf; chmod 664 /etc/app.conf
"""
UNDO = r"""
systemctl disable -q --now hello.service; rm -rf /etc/systemd/system/hello.service /etc/systemd/system/cron.service.d
systemctl daemon-reload; umount /srv/scratch; rmdir /srv/scratch; sed -i '/scratch\|later/d' /etc/fstab
sed -i 's/^MaxAuthTries.*/#MaxAuthTries 6/' /etc/ssh/sshd_config; sed -i '/db.internal/d' /etc/hosts
cp /usr/share/base-files/motd /etc/motd
rm -f /etc/cron.d/tidy /etc/cron.d/two /etc/nginx/conf.d/site.conf /etc/app.*
systemctl unmask nginx.service; apt-mark unhold cowsay
DEBIAN_FRONTEND=noninteractive apt-get -qq purge -y --autoremove cowsay
userdel -r ann; groupdel web
"""

EVERYTHING = (
    "cat /etc/passwd /etc/group /var/lib/dpkg/status; systemctl list-unit-files --no-legend; "
    "find /etc -type f ! -name '.pwd.lock' -printf '%p %m %u %g %T@ ' -exec sha256sum {} +; cat /proc/mounts"
)


@pytest.fixture
def host(lab):
    found = lab.host("h2")
    found.exec(BY_HAND)
    yield found
    found.exec(UNDO, check=False)


def test_what_is_there_is_declared_and_adopted_without_a_change(lab, site, host):
    site.declare(target(lab, host), file="target.yaml")
    before = host.exec(EVERYTHING)
    found = site.froyo("import", host.name, str(site.manifests), "--into", str(site.manifests / "found.yaml"))
    text = (site.manifests / "found.yaml").read_text()
    assert "canary" not in text + found.stderr
    items = json.loads(site.froyo("validate", str(site.manifests), "-o", "json").stdout)
    assert items
    for part in (
        "comment: Ann, of operations",
        "gid: 1500",
        "package: cowsay\n  hold: true",
        "startup: masked",
        "extends: cron.service",
        "unit: hello.service",
        "path: /srv/scratch",
        "state: defined",
        "    \tlisten 8080;\n",
        "template: false",
        'mode: "0640"',
        "# a configuration file of openssh-server, and not as it brought it",
        "name: tidy",
    ):
        assert part in text, part
    assert "nothing to do" in site.froyo("plan", str(site.manifests)).stdout
    assert "nothing to do" in site.apply().stdout
    assert host.exec(EVERYTHING) == before
    spoil = {
        "echo x >>/etc/app.conf": "File/etc-app.conf",
        "chmod 666 /etc/hosts": "File/etc-hosts",
        "echo Nice=6 >>/etc/systemd/system/cron.service.d/nice.conf": "Unit/cron.service.d-nice.conf",
        "umount /srv/scratch": "Mount/srv-scratch",
        "rm /etc/cron.d/tidy": "Cron/tidy",
    }
    host.exec("; ".join(spoil))
    shown = site.froyo("plan", str(site.manifests), check=False).stdout
    assert all(name in shown for name in spoil.values()), shown
    site.apply()
    assert "nothing to do" in site.froyo("plan", str(site.manifests)).stdout
    again = site.froyo("import", host.name, str(site.manifests))
    assert "0 manifests" in again.stderr
    assert again.stdout == ""
