# A Slurm cluster of one node on loopback, for a test: no munge, no cgroups, nothing outside its own directory.

# A port on which nobody listens now.
free_port() {
  local port
  for _ in $(seq 50); do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 8<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return 0
    fi
  done
  return 1
}

# start_slurm DIR: exports SLURM_CONF.
start_slurm() {
  local dir=$1 host user
  host=$(hostname -s) user=$(id -un)
  mkdir -p "$dir/state" "$dir/spool"
  cat >"$dir/slurm.conf" <<END
ClusterName=terse
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=2
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
  export SLURM_CONF="$dir/slurm.conf"
  slurmctld -D >"$dir/slurmctld.log" 2>&1 3>&- &
  echo $! >"$dir/pids"
  slurmd -D >"$dir/slurmd.log" 2>&1 3>&- &
  echo $! >>"$dir/pids"
  for _ in $(seq 200); do
    if sinfo --noheader --format=%t 2>/dev/null | grep -q idle; then return 0; fi
    sleep 0.1
  done
  echo "Slurm did not start:"
  tail -n 5 "$dir/slurmctld.log" "$dir/slurmd.log"
  return 1
}

# stop_slurm DIR: ends its jobs, then the two daemons; by force after 10 s.
stop_slurm() {
  local pid
  [ -e "$1/pids" ] || return 0
  timeout 5 scancel --user="$(id -un)" 2>/dev/null || true
  for _ in $(seq 50); do
    if [ -z "$(timeout 5 squeue --noheader 2>/dev/null)" ]; then break; fi
    sleep 0.1
  done
  for pid in $(cat "$1/pids"); do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in $(cat "$1/pids"); do
    for _ in $(seq 50); do
      if ! kill -0 "$pid" 2>/dev/null; then break; fi
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
  done
}
