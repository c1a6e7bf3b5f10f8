# Completions of freshet for fish. Put this file into ~/.config/fish/completions/freshet.fish.
function __freshet_path
  set -l path freshet
  for word in (commandline -opc)[2..-1]
    switch "$path $word"
      case 'freshet sync' 'freshet model' 'freshet model list' 'freshet model use' 'freshet completions'
        set path "$path $word"
    end
  end
  echo $path
end
complete -c freshet -f
complete -c freshet -n 'test (__freshet_path) = "freshet"' -a sync -d 'Brings the collection in step with its sources.'
complete -c freshet -n 'test (__freshet_path) = "freshet"' -a model -d 'Shows and fetches embedding models.'
complete -c freshet -n 'test (__freshet_path) = "freshet"' -a completions -d 'Prints a shell\'s completion script.'
complete -c freshet -n 'test (__freshet_path) = "freshet"' -a help -d 'Show the help of a verb.'
complete -c freshet -n 'test (__freshet_path) = "freshet"' -l config -s c -r -F -d 'The configuration file.'
complete -c freshet -n 'test (__freshet_path) = "freshet"' -l quiet -s q -d 'Says nothing but errors.'
complete -c freshet -n 'test (__freshet_path) = "freshet"' -l verbose -s v -d 'Says more.'
complete -c freshet -n 'test (__freshet_path) = "freshet"' -l log-format -x -a 'text json' -d 'How log lines are written.'
complete -c freshet -n 'test (__freshet_path) = "freshet sync"' -l config -s c -r -F -d 'The configuration file.'
complete -c freshet -n 'test (__freshet_path) = "freshet sync"' -l quiet -s q -d 'Says nothing but errors.'
complete -c freshet -n 'test (__freshet_path) = "freshet sync"' -l verbose -s v -d 'Says more.'
complete -c freshet -n 'test (__freshet_path) = "freshet sync"' -l log-format -x -a 'text json' -d 'How log lines are written.'
complete -c freshet -n 'test (__freshet_path) = "freshet sync"' -l dry-run -d 'Shows what would be done, with tokens and time.'
complete -c freshet -n 'test (__freshet_path) = "freshet sync"' -l workers -x -d 'Documents parsed at the same time.'
complete -c freshet -n 'test (__freshet_path) = "freshet sync"' -l wait -x -d 'How long to wait for another process.'
complete -c freshet -n 'test (__freshet_path) = "freshet sync"' -l filter -x -d 'A condition; all of several must hold.'
complete -c freshet -n 'test (__freshet_path) = "freshet sync"' -l allow-mass-delete -d 'Deletes also when a large share of a source\'s documents is gone.'
complete -c freshet -n 'test (__freshet_path) = "freshet sync"' -F
complete -c freshet -n 'test (__freshet_path) = "freshet model"' -a list -d 'Lists the collection\'s models.'
complete -c freshet -n 'test (__freshet_path) = "freshet model"' -a use -d 'Serves another model.'
complete -c freshet -n 'test (__freshet_path) = "freshet model"' -l config -s c -r -F -d 'The configuration file.'
complete -c freshet -n 'test (__freshet_path) = "freshet model"' -l quiet -s q -d 'Says nothing but errors.'
complete -c freshet -n 'test (__freshet_path) = "freshet model"' -l verbose -s v -d 'Says more.'
complete -c freshet -n 'test (__freshet_path) = "freshet model"' -l log-format -x -a 'text json' -d 'How log lines are written.'
complete -c freshet -n 'test (__freshet_path) = "freshet model list"' -l config -s c -r -F -d 'The configuration file.'
complete -c freshet -n 'test (__freshet_path) = "freshet model list"' -l quiet -s q -d 'Says nothing but errors.'
complete -c freshet -n 'test (__freshet_path) = "freshet model list"' -l verbose -s v -d 'Says more.'
complete -c freshet -n 'test (__freshet_path) = "freshet model list"' -l log-format -x -a 'text json' -d 'How log lines are written.'
complete -c freshet -n 'test (__freshet_path) = "freshet model use"' -l config -s c -r -F -d 'The configuration file.'
complete -c freshet -n 'test (__freshet_path) = "freshet model use"' -l quiet -s q -d 'Says nothing but errors.'
complete -c freshet -n 'test (__freshet_path) = "freshet model use"' -l verbose -s v -d 'Says more.'
complete -c freshet -n 'test (__freshet_path) = "freshet model use"' -l log-format -x -a 'text json' -d 'How log lines are written.'
complete -c freshet -n 'test (__freshet_path) = "freshet completions"' -l config -s c -r -F -d 'The configuration file.'
complete -c freshet -n 'test (__freshet_path) = "freshet completions"' -l quiet -s q -d 'Says nothing but errors.'
complete -c freshet -n 'test (__freshet_path) = "freshet completions"' -l verbose -s v -d 'Says more.'
complete -c freshet -n 'test (__freshet_path) = "freshet completions"' -l log-format -x -a 'text json' -d 'How log lines are written.'
complete -c freshet -n 'test (__freshet_path) = "freshet completions"' -a 'bash zsh fish'
complete -c freshet -l help -s h -d 'Show help information.'
