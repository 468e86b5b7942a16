# What apk prints, for ../apk2 and ../apk3: see ../README.md.
. /srv/rec/common.sh
apk() { command apk --allow-untrusted "$@"; }
rm -rf /etc/froyo* /usr/share/*froyo* /etc/apk /lib/apk /usr/lib/apk; command apk add --initdb --arch x86_64 >/dev/null; echo /srv/rec/apk/repo > /etc/apk/repositories
S="apk --no-network add --simulate --"
A="apk --wait 120 add --"
rec refresh apk --wait 120 update
rec install $A froyo-app=1.0-r0 froyo-tool
cp /lib/apk/db/installed $O/installed; cp /etc/apk/world $O/world
rec offers apk --no-network policy -- froyo-app froyo-tool nothing
rec would-install $S froyo-main=1.0-r0 froyo-user
rec would-upgrade $S froyo-app=2.0-r0
rec would-conflict $S froyo-rival
rec would-swap $S froyo-rival '!froyo-tool'
rec would-lack $S froyo-wants
rec would-not-know $S nothing
rec would-not-know-version $S froyo-app=3.0-r0
rec would-remove $S '!froyo-app'
rec would-break $S '!libfroyo'
rec would-do-nothing $S froyo-app=1.0-r0
echo changed >> /etc/froyo-app.conf
rec upgrade $A froyo-app=2.0-r0
ls /etc/froyo-app* > $O/configuration
rec downgrade $A froyo-app=1.5-r0
rec unhold $A froyo-app
rec fails $A froyo-fails
cp /lib/apk/db/installed $O/installed-broken
rec mend apk --wait 120 fix -- froyo-fails
rec remove $A '!froyo-tool'
cp /etc/apk/world $O/world-removed
rec tidy apk --wait 120 del -- froyo-tool
python3 - <<'P' &
import fcntl,time
f=open("/lib/apk/db/lock","r+"); fcntl.flock(f,fcntl.LOCK_EX); time.sleep(6)
P
sleep 1
rec locked apk add -- froyo-main
wait
