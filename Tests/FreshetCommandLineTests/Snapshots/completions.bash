# Completions of freshet for bash. Put this file into ~/.local/share/bash-completion/completions/freshet
# or source it.
_freshet() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} path=freshet index words='' paths=''
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "$path ${COMP_WORDS[index]}" in
      'freshet sync'|'freshet model'|'freshet model list'|'freshet model use'|'freshet completions') path+=" ${COMP_WORDS[index]}" ;;
    esac
  done
  COMPREPLY=()
  case "$path $previous" in
    'freshet --config'|'freshet -c') compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    'freshet --log-format') mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$current"); return ;;
    'freshet sync --config'|'freshet sync -c') compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    'freshet sync --log-format') mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$current"); return ;;
    'freshet sync --workers') :; return ;;
    'freshet sync --wait') :; return ;;
    'freshet sync --filter') :; return ;;
    'freshet model --config'|'freshet model -c') compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    'freshet model --log-format') mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$current"); return ;;
    'freshet model list --config'|'freshet model list -c') compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    'freshet model list --log-format') mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$current"); return ;;
    'freshet model use --config'|'freshet model use -c') compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    'freshet model use --log-format') mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$current"); return ;;
    'freshet completions --config'|'freshet completions -c') compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    'freshet completions --log-format') mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$current"); return ;;
  esac
  case $path in
    'freshet') words='sync model completions help --config --quiet --verbose --log-format --help' ;;
    'freshet sync') words='--config --quiet --verbose --log-format --dry-run --workers --wait --filter --allow-mass-delete --help'; paths=-f ;;
    'freshet model') words='list use --config --quiet --verbose --log-format --help' ;;
    'freshet model list') words='--config --quiet --verbose --log-format --help' ;;
    'freshet model use') words='--config --quiet --verbose --log-format --help' ;;
    'freshet completions') words='bash zsh fish --config --quiet --verbose --log-format --help' ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  if [[ -n $paths && $current != -* ]]; then
    compopt -o filenames
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen "$paths" -- "$current")
  fi
}
complete -F _freshet freshet
