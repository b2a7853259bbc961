{{/* The name of everything that belongs to this release. */}}
{{- define "weirkeeper.fullname" -}}
{{- if contains "weirkeeper" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-weirkeeper" (.Release.Name | trunc 29 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- define "weirkeeper.operator" -}}{{ include "weirkeeper.fullname" . }}-operator{{- end -}}
{{- define "weirkeeper.router" -}}{{ include "weirkeeper.fullname" . }}-router{{- end -}}

{{- define "weirkeeper.selector" -}}
app.kubernetes.io/name: weirkeeper
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "weirkeeper.labels" -}}
app.kubernetes.io/name: weirkeeper
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: weirkeeper
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}
