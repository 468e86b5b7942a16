# What dnf 4 prints, for ../dnf: see ../README.md.
. /srv/rec/common.sh
D="dnf -C --setopt=clean_requirements_on_remove=False --disableplugin=versionlock"
Q="dnf -C --disableplugin=versionlock -q"
S="$D --assumeno"
Y="dnf -y --setopt=clean_requirements_on_remove=False --disableplugin=versionlock"
dnf -y remove 'froyo-*' libfroyo >/dev/null 2>&1; rm -f /etc/froyo*; : > /etc/dnf/plugins/versionlock.list
rm -rf /var/cache/dnf/*
rec offers-without-cache $Q repoquery --available --showduplicates --qf '%{name}\t%{evr}\t%{arch}' -- froyo-app
rec refresh dnf -y -q --refresh makecache
rec install $Y --allowerasing install -- froyo-app-1.0-1 froyo-tool
$Y --setopt=obsoletes=0 install froyo-old >/dev/null 2>&1
rec installed $Q '--disablerepo=*' repoquery --installed --qf '%{name}\t%{evr}\t%{arch}\t%{reason}'
rec offers $Q repoquery --available --showduplicates --qf '%{name}\t%{evr}\t%{arch}' -- froyo-app froyo-tool nothing
rec would-install $S --allowerasing install -- froyo-main-1.0-1
rec would-install-without-weak $S --allowerasing --setopt=install_weak_deps=false install -- froyo-main-1.0-1
rec would-install-long $S --allowerasing install -- froyo-a-package-with-quite-a-long-name-that-wraps
rec would-upgrade $S --allowerasing install -- froyo-app-2.0-1
rec would-erase $S --allowerasing install -- froyo-rival-1.0-1
rec would-conflict $S install -- froyo-rival-1.0-1
rec would-replace $S --allowerasing install -- froyo-heir-1.0-1
rec would-lack $S --allowerasing install -- froyo-wants-1.0-1
rec would-not-know $S --allowerasing install -- nothing
rec would-not-know-version $S --allowerasing install -- froyo-app-3.0-1
rec would-remove $S remove -- libfroyo
rec would-remove-nothing $S remove -- nothing
rec would-do-nothing $S --allowerasing install -- froyo-app-1.0-1
rec hold dnf -y -q versionlock add -- froyo-app
cp /etc/dnf/plugins/versionlock.list $O/versionlock.list
rec held-install dnf --assumeno install -- froyo-app-2.0-1
rec unhold dnf -y -q versionlock delete -- froyo-app
rec mark dnf -y -q mark install -- libfroyo
echo changed >> /etc/froyo-app.conf
rec upgrade $Y --allowerasing install -- froyo-app-2.0-1
ls /etc/froyo-app.conf*
rec downgrade $Y --allowerasing install -- froyo-app-1.5-1
rec would-downgrade $S --allowerasing install -- froyo-app-1.0-1
rec fails $Y install -- froyo-fails-1.0-1
rec remove $Y remove -- froyo-app
cp /var/lib/rpm/rpmdb.sqlite /tmp/db; head -c 4096 /dev/urandom | dd of=/var/lib/rpm/rpmdb.sqlite conv=notrunc 2>/dev/null; rm -f /var/lib/rpm/rpmdb.sqlite-*
rec broken $Q '--disablerepo=*' repoquery --installed --qf '%{name}\t%{evr}\t%{arch}\t%{reason}'
rec broken-rpm rpm -qa
cp /tmp/db /var/lib/rpm/rpmdb.sqlite; rm -f /var/lib/rpm/rpmdb.sqlite-*
rec repair rpm --rebuilddb
