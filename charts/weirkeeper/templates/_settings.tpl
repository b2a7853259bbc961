{{/* The operator's settings file. */}}
{{- define "weirkeeper.settings" -}}
operatorImage: {{ .Values.images.operator | quote }}
serverImage: {{ .Values.images.server | quote }}
envoyImage: {{ .Values.images.envoy | quote }}
imagePullPolicy: {{ .Values.imagePullPolicy }}
imagePullSecrets: {{ toJson .Values.imagePullSecrets }}
watchNamespaces: {{ toJson .Values.watchNamespaces }}
artifacts:
  {{- toYaml .Values.artifacts | nindent 2 }}
router:
  {{- toYaml .Values.router | nindent 2 }}
  roleKind: {{ ternary "Role" "ClusterRole" (gt (len .Values.watchNamespaces) 0) }}
  roleName: {{ include "weirkeeper.router" . }}
limits:
  {{- range $name, $most := .Values.limits }}
  {{ $name }}: {{ $most | int64 }}
  {{- end }}
feedback:
  maxAgeDays: {{ .Values.feedback.maxAgeDays }}
  slotSeconds: {{ .Values.feedback.slotSeconds }}
prometheus:
  url: {{ .Values.prometheus.url | quote }}
slotSeconds: {{ .Values.slotSeconds }}
freeze: {{ .Values.freeze }}
defaults:
  rollout:
    {{- toYaml .Values.defaults.rollout | nindent 4 }}
{{- end -}}
