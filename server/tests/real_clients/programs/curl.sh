#!/bin/bash
# curl: each event as a line "id TAB name TAB data" on standard output.
# Usage: curl.sh URL [LAST-EVENT-ID [MORE-OPTIONS...]]
url=$1 last=${2:-} wait=2
more=("${@:3}")
# Nobody has signed the certificate of a test.
[[ $url != https:* ]] || more+=(--insecure)
while :; do
  event='' data=''
  while IFS= read -r line; do
    case $line in
      'retry: '*) wait=$(printf '%d.%03d' $((${line#retry: } / 1000)) $((${line#retry: } % 1000))) ;;
      'id: '*) last=${line#id: } ;;
      'event: '*) event=${line#event: } ;;
      'data: '*) data=${line#data: } ;;
      '')
        [ -n "$data" ] && printf '%s\t%s\t%s\n' "$last" "${event:-message}" "$data"
        event='' data=''
        ;;
    esac
  done < <(exec curl -sN --fail "${more[@]}" ${last:+-H "Last-Event-ID: $last"} "$url")
  printf '\tretrying\t\n'
  sleep "$wait"
done
