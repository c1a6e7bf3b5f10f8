#compdef freshet
# Completions of freshet for zsh. Put this file as _freshet into a folder of $fpath.

_freshet_completions() {
  local curcontext="$curcontext" state line
  _arguments -s -S \
    '(-c --config)-c+[The configuration file.]:file:_files' \
    '(-c --config)--config=[The configuration file.]:file:_files' \
    '(-q --quiet)-q[Says nothing but errors.]' \
    '(-q --quiet)--quiet[Says nothing but errors.]' \
    '(-v --verbose)-v[Says more.]' \
    '(-v --verbose)--verbose[Says more.]' \
    '--log-format=[How log lines are written.]:format:(text json)' \
    '(- *)--help[Show help information.]' \
    '1:shell:(bash zsh fish)'
}

_freshet_model_use() {
  local curcontext="$curcontext" state line
  _arguments -s -S \
    '(-c --config)-c+[The configuration file.]:file:_files' \
    '(-c --config)--config=[The configuration file.]:file:_files' \
    '(-q --quiet)-q[Says nothing but errors.]' \
    '(-q --quiet)--quiet[Says nothing but errors.]' \
    '(-v --verbose)-v[Says more.]' \
    '(-v --verbose)--verbose[Says more.]' \
    '--log-format=[How log lines are written.]:format:(text json)' \
    '(- *)--help[Show help information.]' \
    '1:model: '
}

_freshet_model_list() {
  local curcontext="$curcontext" state line
  _arguments -s -S \
    '(-c --config)-c+[The configuration file.]:file:_files' \
    '(-c --config)--config=[The configuration file.]:file:_files' \
    '(-q --quiet)-q[Says nothing but errors.]' \
    '(-q --quiet)--quiet[Says nothing but errors.]' \
    '(-v --verbose)-v[Says more.]' \
    '(-v --verbose)--verbose[Says more.]' \
    '--log-format=[How log lines are written.]:format:(text json)' \
    '(- *)--help[Show help information.]'
}

_freshet_model() {
  local curcontext="$curcontext" state line
  _arguments -C -s -S \
    '(-c --config)-c+[The configuration file.]:file:_files' \
    '(-c --config)--config=[The configuration file.]:file:_files' \
    '(-q --quiet)-q[Says nothing but errors.]' \
    '(-q --quiet)--quiet[Says nothing but errors.]' \
    '(-v --verbose)-v[Says more.]' \
    '(-v --verbose)--verbose[Says more.]' \
    '--log-format=[How log lines are written.]:format:(text json)' \
    '(- *)--help[Show help information.]' \
    '1: :->verb' \
    '*:: :->rest'
  case $state in
    verb)
      local -a verbs=(
        'list:Lists the collection'\''s models.'
        'use:Serves another model.'
      )
      _describe -t verbs verb verbs
      ;;
    rest)
      case $words[1] in
        list) _freshet_model_list ;;
        use) _freshet_model_use ;;
      esac
      ;;
  esac
}

_freshet_sync() {
  local curcontext="$curcontext" state line
  _arguments -s -S \
    '(-c --config)-c+[The configuration file.]:file:_files' \
    '(-c --config)--config=[The configuration file.]:file:_files' \
    '(-q --quiet)-q[Says nothing but errors.]' \
    '(-q --quiet)--quiet[Says nothing but errors.]' \
    '(-v --verbose)-v[Says more.]' \
    '(-v --verbose)--verbose[Says more.]' \
    '--log-format=[How log lines are written.]:format:(text json)' \
    '--dry-run[Shows what would be done, with tokens and time.]' \
    '--workers=[Documents parsed at the same time.]:count: ' \
    '--wait=[How long to wait for another process.]:duration: ' \
    '*--filter=[A condition; all of several must hold.]:expression: ' \
    '--allow-mass-delete[Deletes also when a large share of a source'\''s documents is gone.]' \
    '(- *)--help[Show help information.]' \
    '*:path:_files'
}

_freshet() {
  local curcontext="$curcontext" state line
  _arguments -C -s -S \
    '(-c --config)-c+[The configuration file.]:file:_files' \
    '(-c --config)--config=[The configuration file.]:file:_files' \
    '(-q --quiet)-q[Says nothing but errors.]' \
    '(-q --quiet)--quiet[Says nothing but errors.]' \
    '(-v --verbose)-v[Says more.]' \
    '(-v --verbose)--verbose[Says more.]' \
    '--log-format=[How log lines are written.]:format:(text json)' \
    '(- *)--help[Show help information.]' \
    '1: :->verb' \
    '*:: :->rest'
  case $state in
    verb)
      local -a verbs=(
        'sync:Brings the collection in step with its sources.'
        'model:Shows and fetches embedding models.'
        'completions:Prints a shell'\''s completion script.'
        'help:Show the help of a verb.'
      )
      _describe -t verbs verb verbs
      ;;
    rest)
      case $words[1] in
        sync) _freshet_sync ;;
        model) _freshet_model ;;
        completions) _freshet_completions ;;
      esac
      ;;
  esac
}

_freshet "$@"
