#!/bin/bash
# Plans and applies a fleet as an array of 8 on Slurm, with one task killed amid a run, and compares it with one worker's.
#
# Debian or Ubuntu, as root: installs slurm-wlm and munge, and runs a controller and two node daemons on this host until
# it ends. KEYMEND names the program (target/debug/keymend), KEEP=1 keeps the folder that all of it happens in.
set -euo pipefail

KEYMEND=$(realpath "${KEYMEND:-$(dirname "$0")/../target/debug/keymend}")
here=$(cd "$(dirname "$0")/.." && pwd)
tasks=8

for program in slurmctld slurmd sbatch munged jq; do
    command -v "$program" >/dev/null && continue
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge jq >/dev/null
    break
done

folder=$(mktemp -d)
chmod 755 "$folder"
daemons=()
# shellcheck disable=SC2317,SC2329 # `trap` calls it.
finish() {
    scancel --partition=all 2>/dev/null || true
    for daemon in "${daemons[@]}"; do
        kill "$daemon" 2>/dev/null || true
    done
    wait
    if [ -n "${KEEP:-}" ]; then
        echo "kept: $folder"
    else
        rm -rf "$folder"
    fi
}
trap finish EXIT
cd "$folder"
# A copy, that a build meanwhile does not replace.
keymend=$folder/keymend
cp "$KEYMEND" "$keymend"

# munge: a key and a socket of our own.
mkdir -p munge log spool/{ctl,node1,node2}
chmod 700 munge
dd if=/dev/urandom of=munge/key bs=1 count=1024 status=none
chmod 600 munge/key
mkdir -p socket
chmod 755 socket
munged --foreground --force --key-file="$folder/munge/key" --socket="$folder/socket/munge" --pid-file="$folder/munge/pid" \
    --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" >log/munged.out 2>&1 &
daemons+=($!)

host=$(hostname -s)
# Two nodes on one host, told apart by their ports. Without cgroups, as in a container. A task that is queued again waits
# until its old credentials are out: two minutes by default.
cat >slurm.conf <<END
ClusterName=keymend
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/socket/munge,cred_expire=5
CredType=cred/munge
SlurmctldPort=16817
SlurmctldPidFile=$folder/ctl.pid
SlurmdPidFile=$folder/%n.pid
SlurmdSpoolDir=$folder/spool/%n
StateSaveLocation=$folder/spool/ctl
SlurmctldLogFile=$folder/log/ctl
SlurmdLogFile=$folder/log/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 Port=17001 CPUs=2 RealMemory=1024
NodeName=node2 NodeHostname=$host NodeAddr=127.0.0.1 Port=17002 CPUs=2 RealMemory=1024
PartitionName=all Nodes=node1,node2 Default=YES MaxTime=10 State=UP
END
echo "CgroupAutomount=no" >cgroup.conf
export SLURM_CONF=$folder/slurm.conf
for _ in $(seq 50); do [ -S socket/munge ] && break; sleep 0.1; done
slurmctld -D >log/ctl.out 2>&1 &
daemons+=($!)
for node in node1 node2; do
    slurmd -D -N "$node" >"log/$node.out" 2>&1 &
    daemons+=($!)
done
for _ in $(seq 300); do
    [ "$(sinfo -h -N -t idle -o %N 2>/dev/null | wc -l)" -eq 2 ] && break
    sleep 0.1
done
sinfo -N -l
[ "$(sinfo -h -N -t idle -o %N | wc -l)" -eq 2 ] || { tail log/*; exit 1; }

# Two copies of one world: one for the array, one for one worker.
python3 "$here/scripts/make-fleet-world" --seed 7 --key-accounts 6 --keys 30 --accounts 26 --shares 4 --roles 3 \
    --denied 0 --gone 0 --out array --manifest fleet.jsonl
cp -r array one
mkdir -p home
export HOME=$folder/home

array() {
    local name=$1
    shift
    KEYMEND=$keymend sbatch --parsable --export=ALL --array="0-$((tasks - 1))" --job-name="$name" --output="$folder/log/$name-%a.out" \
        "$here/deploy/slurm/fleet.sbatch" "$@"
}
# Until no task of a job is left.
ended() {
    for _ in $(seq 600); do
        [ -z "$(squeue -h -j "$1" 2>/dev/null)" ] && return
        sleep 0.5
    done
    echo "job $1 does not end" >&2
    squeue >&2
    exit 1
}
# Where the accounts stand, without what time alone makes different: runs' ids, and digests of journals and plans.
standings() {
    "$keymend" fleet status --dir "$1" -o json >"$1.json" 2>/dev/null || true
    jq -S '[.accounts[] | del(.run, .journal, .plan)]' "$1.json"
}
# What stands for the plans of all shards.
digest() {
    { "$keymend" fleet status --dir "$1" 2>&1 || true; } | sed -n 's/^Digest of the plans: //p'
}

"$keymend" fleet plan --sandbox=one --manifest fleet.jsonl --dir by-one >/dev/null 2>&1
"$keymend" fleet apply --sandbox=one --dir by-one --yes --digest "$(digest by-one)" >/dev/null 2>&1

job=$(array plan plan --sandbox="$folder/array" --manifest "$folder/fleet.jsonl" --dir "$folder/by-array")
ended "$job"
echo "planned: $(standings by-array | jq -c 'group_by(.state) | map({(.[0].state): length}) | add')"

job=$(array apply apply --sandbox="$folder/array" --dir "$folder/by-array" --yes --digest "$(digest by-array)" --lease 5)
# A worker that has an account's journal open is amid its run: stopped first, so that it is still amid it when it is killed.
victim=
for _ in $(seq 20000); do
    for file in /proc/[0-9]*/exe; do
        [ "$(readlink "$file")" = "$keymend" ] || continue
        process=${file%/exe}
        readlink "$process"/fd/* 2>/dev/null | grep -q "^$folder/by-array/journals/" || continue
        kill -STOP "${process#/proc/}" || continue
        if readlink "$process"/fd/* 2>/dev/null | grep -q "^$folder/by-array/journals/"; then
            victim=${process#/proc/}
            break 2
        fi
        kill -CONT "${process#/proc/}"
    done
done
[ -n "$victim" ] || { echo "no task was amid a run" >&2; cat log/apply-*; exit 1; }
task=$(tr '\0' '\n' <"/proc/$victim/environ" | sed -n 's/^SLURM_ARRAY_TASK_ID=//p')
journal=$(readlink "/proc/$victim"/fd/* | grep "^$folder/by-array/journals/")
kill -KILL "$victim"
echo "task $task was killed amid the run of ${journal#"$folder/by-array/journals/"}"
ended "$job"
grep "is queued again" "log/apply-$task.out"
echo "task $task, begun again:"
sed -n '/is queued again/,$p' "log/apply-$task.out" | tail -n +2

standings by-one >one.standings
standings by-array >array.standings
echo "one worker: $(jq -c 'group_by(.state) | map({(.[0].state): length}) | add' one.standings)"
echo "$tasks tasks: $(jq -c 'group_by(.state) | map({(.[0].state): length}) | add' array.standings)"
failed=0
diff one.standings array.standings || failed=1
diff -r one array || failed=1
if [ "$failed" -eq 0 ]; then
    echo "same: $(jq length array.standings) accounts, and every file of the world"
fi
exit "$failed"
