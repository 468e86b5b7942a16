# What pacman prints, for ../pacman: see ../README.md.
. /srv/rec/common.sh
T=/run/t; rm -rf $T; mkdir -p $T; ln -s /var/lib/pacman/local /var/lib/pacman/sync $T/
P="pacman --dbpath $T --logfile /dev/null --color never"
pacman -Qq | xargs pacman -Rdd --noconfirm >/dev/null 2>&1; rm -rf /etc/froyo* /var/lib/pacman/sync/* /var/cache/pacman/pkg/* /usr/share/*froyo* /var/log/pacman.log
sed -i 's/^#*IgnorePkg.*/#IgnorePkg =/' /etc/pacman.conf
rec list-without-database $P -Sl
rec refresh pacman -Syy --noconfirm
rec upgrade-from-file pacman -U --noconfirm /srv/rec/pac/repo/froyo-app-1.0-1-any.pkg.tar.zst
rec install pacman -S --noconfirm --needed -- froyo-tool=1:0.9-2
for p in froyo-app-1.0-1 libfroyo-2.0-1 froyo-tool-1:0.9-2; do mkdir -p $O/local/$p; cp /var/lib/pacman/local/$p/desc /var/lib/pacman/local/$p/files $O/local/$p/; done; cp /var/lib/pacman/local/ALPM_DB_VERSION $O/local/
rec list $P -Sl
rec would-install $P -S -- froyo-main=1.0-1 froyo-user=1.0-1
rec would-upgrade $P -S -- froyo-app=2.0-1
rec would-conflict $P -S -- froyo-rival=1.0-1
printf 'y\n' | $P -S -- froyo-rival=1.0-1 >/tmp/o 2>/tmp/e; rc=$?; { echo "\$ $P -S -- froyo-rival=1.0-1"; cat /tmp/o; echo '[stderr]'; cat /tmp/e; echo; echo "[exit $rc]"; } > $O/would-erase.txt
rec would-lack $P -S -- froyo-wants=1.0-1
rec would-not-know $P -S -- nothing
rec would-not-know-version $P -S -- froyo-app=3.0-1
rec would-remove $P -R -- libfroyo
rec would-remove-too $P -Rc -- libfroyo
rec would-remove-nothing $P -Rc -- nothing
rec mark pacman -D --asexplicit -- libfroyo
echo changed >> /etc/froyo-app.conf
rec upgrade pacman -S --noconfirm --needed -- froyo-app=2.0-1
sed -i 's/^#IgnorePkg =.*/IgnorePkg = froyo-app froyo-e*/' /etc/pacman.conf
cp /etc/pacman.conf $O/pacman.conf
rec held-install pacman -S --noconfirm --needed -- froyo-extra
sed -i 's/^IgnorePkg.*/#IgnorePkg =/' /etc/pacman.conf
rec conflict pacman -S --noconfirm --needed -- froyo-rival=1.0-1
rec erase pacman -S --noconfirm --needed --ask 4 -- froyo-rival=1.0-1
rec remove pacman -Rc --noconfirm -- froyo-app
touch /var/lib/pacman/db.lck
rec locked pacman -S --noconfirm -- froyo-main
rm -f /var/lib/pacman/db.lck
printf broken > /var/lib/pacman/local/libfroyo-2.0-1/desc
rec broken pacman -Q
