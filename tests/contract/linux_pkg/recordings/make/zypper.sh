# What zypper prints, for ../zypper: see ../README.md.
. /srv/rec/common.sh
G="zypper --non-interactive --no-refresh --xmlout"
Y="zypper --non-interactive --no-refresh install --oldpackage"
D="$G install --dry-run --oldpackage"
rpm -qa | grep -i froyo | xargs rpm -e --nodeps 2>/dev/null; rm -rf /etc/froyo* /usr/share/*froyo* /etc/zypp/locks /var/cache/zypp/*
rec search-without-cache $G search --details --match-exact --type package -- froyo-app
rec refresh zypper --non-interactive refresh
rec install $Y -- froyo-app=1.0-1 froyo-tool=1:0.9-2
cp /var/lib/zypp/AutoInstalled $O/AutoInstalled
rec installed rpm -qa --queryformat '%{NAME}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\t%{ARCH}\tuser\n'
rec search $G search --details --match-exact --type package -- froyo-app froyo-tool nothing
rec search-nothing $G search --details --match-exact --type package -- nothing
rec would-install $D --recommends -- froyo-main=1.0-1
rec would-install-without-weak $D --no-recommends -- froyo-main=1.0-1
rec would-upgrade $D -- froyo-app=2.0-1
rec would-conflict $D -- froyo-rival=1.0-1
rec would-erase $D --force-resolution -- froyo-rival=1.0-1
rec would-lack $D -- froyo-wants=1.0-1
rec would-leave-out $D --force-resolution -- froyo-wants=1.0-1
rec would-not-know $D -- nothing
rec would-not-know-version $D -- froyo-app=3.0-1
rec would-remove $D -- -libfroyo
rec would-remove-too $D --force-resolution -- -libfroyo
rec would-swap $D -- froyo-rival=1.0-1 -froyo-tool
rec would-do-nothing $D -- froyo-app=1.0-1
rec hold zypper --non-interactive addlock -- froyo-app 'froyo-e*'
cp /etc/zypp/locks $O/locks
rec held-install $D -- froyo-app=2.0-1
rec unhold zypper --non-interactive removelock -- froyo-app 'froyo-e*'
echo changed >> /etc/froyo-app.conf
rec upgrade $Y -- froyo-app=2.0-1
rec would-downgrade $D -- froyo-app=1.5-1
rec downgrade $Y -- froyo-app=1.5-1
rec fails $Y -- froyo-fails=1.0-1
rec remove $Y -- -froyo-app
